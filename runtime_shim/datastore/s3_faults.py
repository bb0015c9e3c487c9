"""What S3 and the way to it answer, as one sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from penstock.runtime_shim.datastore.faults import AccessDenied, NoCredentials, NoSuchBucket, Unreachable
from penstock.runtime_shim.datastore.protocol import Missing, StorageFailure
from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY

_NOT_FOUND = ("NoSuchKey", "404", "NotFound")
_DENIED = ("AccessDenied", "AllAccessDisabled", "AccountProblem", "403", "Forbidden")
_WHO = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidClientTokenId")
_BUSY = ("SlowDown", "ServiceUnavailable", "InternalError", "500", "502", "503", "504", "RequestTimeout", "Throttling")
_ELSEWHERE = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301")

HELP_CREDENTIALS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or give the machine or job a role"


@contextmanager
def told(doing: str, root: str, key: str | None = None) -> Iterator[None]:
    """Turn whatever botocore raises into Missing or a StorageFailure about ``doing`` (``read``) and ``key`` below
    ``root``.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _answer(error, doing, root, key) from error
    except BotoCoreError as error:
        raise _no_answer(error, doing, root, key) from error


def error_code(error: Any) -> str:
    """S3's code in a ClientError: ``NoSuchKey``; the HTTP status where there is no body, as for HEAD."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status(error: Any) -> int:
    """The HTTP status in a ClientError."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _what(doing: str, root: str, key: str | None) -> str:
    return f"cannot {doing} `{key}` in {root}" if key is not None else f"cannot {doing} {root}"


def _answer(error: Any, doing: str, root: str, key: str | None) -> Exception:
    """For an answer that is an error."""
    code, number = error_code(error), status(error)
    bucket = root.removeprefix("s3://").partition("/")[0]
    what = _what(doing, root, key)
    message = str(error.response.get("Error", {}).get("Message") or code).rstrip(".")
    if error.operation_name == "AssumeRole":
        return NoCredentials(
            f"{what}: the role cannot be assumed ({code}: {message})",
            help="correct METAFLOW_AWS_ARN, or let these credentials assume that role (sts:AssumeRole)",
        )
    if code in _NOT_FOUND and key is not None:
        return Missing(key)
    if code == "NoSuchBucket" or code in _NOT_FOUND:
        return NoSuchBucket(
            f"{what}: there is no bucket `{bucket}`",
            help="make it, or correct METAFLOW_DATASTORE_SYSROOT_S3 or --datastore-root",
        )
    if code in _WHO:
        return NoCredentials(f"{what}: S3 does not accept the credentials ({code}: {message})", help=HELP_CREDENTIALS)
    if code in _DENIED or number == 403:
        return AccessDenied(
            f"{what}: access denied",
            help=f"allow s3:GetObject, s3:PutObject on {root.rstrip('/')}/* and s3:ListBucket on the bucket `{bucket}`",
        )
    if code in _BUSY or number >= 500:
        return Unreachable(
            f"{what}: S3 kept answering {number} {code}, however often it was asked", help="try again later"
        )
    if code in _ELSEWHERE or number == 301:
        return StorageFailure(
            f"{what}: the bucket is in another region ({message})",
            help="set METAFLOW_AWS_S3_REGION to the bucket's region",
            exit_code=EXIT_DO_NOT_RETRY,
        )
    return StorageFailure(f"{what}: S3 answered {number} {code}: {message}")


def _no_answer(error: Exception, doing: str, root: str, key: str | None) -> StorageFailure:
    """For a request that got no answer, or was never made."""
    from botocore import exceptions as known

    what = _what(doing, root, key)
    if isinstance(error, (known.NoCredentialsError, known.PartialCredentialsError)):
        return NoCredentials(f"{what}: there are no AWS credentials here", help=HELP_CREDENTIALS)
    if isinstance(
        error,
        (known.CredentialRetrievalError, known.TokenRetrievalError, known.UnauthorizedSSOTokenError, known.SSOError),
    ):
        return NoCredentials(f"{what}: the AWS credentials cannot be fetched: {error}", help=HELP_CREDENTIALS)
    if isinstance(error, (known.ConnectionError, known.HTTPClientError, known.IncompleteReadError)):
        endpoint = str(error.kwargs.get("endpoint_url") or "")
        server = f"the S3 server at {'/'.join(endpoint.split('/')[:3])}" if endpoint else "the S3 server"
        return Unreachable(
            f"{what}: {server} does not answer ({type(error).__name__})",
            help="check the network and METAFLOW_S3_ENDPOINT_URL",
        )
    return StorageFailure(f"{what}: {error}")
