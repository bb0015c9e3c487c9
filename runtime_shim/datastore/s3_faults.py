"""What S3 and the way to it answer, as one sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from penstock.runtime_shim.aws.connections import NoAnswer
from penstock.runtime_shim.aws.credentials import BotocoreMissing, NoKeysAtAll
from penstock.runtime_shim.aws.documents import NoDocument
from penstock.runtime_shim.aws.given import NoKeys, RoleRefused
from penstock.runtime_shim.aws.service import AwsError
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
    """Turn what the client raises into Missing or a StorageFailure about ``doing`` (``read``) and ``key`` below
    ``root``.
    """
    try:
        yield
    except AwsError as error:
        raise _answer(error, doing, root, key) from error
    except NoAnswer as error:
        raise Unreachable(
            f"{_what(doing, root, key)}: the S3 server at {error.origin} does not answer ({error.reason})",
            help="check the network and METAFLOW_S3_ENDPOINT_URL",
        ) from error
    except NoKeys as error:
        raise _no_keys(error, _what(doing, root, key)) from error
    except (NoDocument, KeyError) as error:
        if isinstance(error, Missing):
            raise
        raise StorageFailure(f"{_what(doing, root, key)}: what answers is no S3 server ({error})") from error


def error_code(error: AwsError) -> str:
    """S3's code: ``NoSuchKey``; the HTTP status where there is no document, as for HEAD."""
    return error.code or str(error.status)


def _what(doing: str, root: str, key: str | None) -> str:
    return f"cannot {doing} `{key}` in {root}" if key is not None else f"cannot {doing} {root}"


def _answer(error: AwsError, doing: str, root: str, key: str | None) -> Exception:
    """For an answer that is an error."""
    code, number = error_code(error), error.status
    bucket = root.removeprefix("s3://").partition("/")[0]
    what = _what(doing, root, key)
    message = (error.message or code).rstrip(".")
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
        said = "" if code == str(number) else f" {code}"
        return Unreachable(
            f"{what}: S3 kept answering {number}{said}, however often it was asked", help="try again later"
        )
    if code in _ELSEWHERE or number == 301:
        return StorageFailure(
            f"{what}: the bucket is in another region ({message})",
            help="set METAFLOW_AWS_S3_REGION to the bucket's region",
            exit_code=EXIT_DO_NOT_RETRY,
        )
    return StorageFailure(f"{what}: S3 answered {number} {code}: {message}")


def _no_keys(error: NoKeys, what: str) -> StorageFailure:
    """For a request that could not be signed."""
    match error:
        case NoKeysAtAll():
            return NoCredentials(f"{what}: there are no AWS credentials here", help=HELP_CREDENTIALS)
        case BotocoreMissing():
            return NoCredentials(
                f"{what}: these AWS credentials need botocore, which is not installed here ({error})",
                help="python -m pip install boto3, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        case RoleRefused():
            return NoCredentials(
                f"{what}: the role cannot be assumed ({error})",
                help="correct METAFLOW_AWS_ARN, or let these credentials assume that role (sts:AssumeRole)",
            )
        case _:
            return NoCredentials(f"{what}: the AWS credentials cannot be fetched: {error}", help=HELP_CREDENTIALS)
