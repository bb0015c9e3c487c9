"""AWS's control plane: clients as the standard AWS environment says, and its refusals as sentences."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from penstock.compiler.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_stepfunctions import SFNClient

_CREDENTIALS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws sso login`"
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "ForbiddenException"})
_UNKNOWN_CALLER = frozenset(
    {"UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch"}
)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_THROTTLED = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})


class AwsClients:
    """The clients of one command, each made when first used.

    Region, credentials and endpoints are those of the AWS CLI: AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL and the like.
    """

    @cached_property
    def batch(self) -> BatchClient:
        """AWS Batch."""
        client: BatchClient = _client("batch")
        return client

    @cached_property
    def scheduler(self) -> EventBridgeSchedulerClient:
        """EventBridge Scheduler."""
        client: EventBridgeSchedulerClient = _client("scheduler")
        return client

    @cached_property
    def states(self) -> SFNClient:
        """AWS Step Functions."""
        client: SFNClient = _client("stepfunctions")
        return client


def _client(service: str) -> Any:
    import botocore.session
    from botocore.config import Config

    with asking(f"talk to {service}"):
        config = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=10, read_timeout=60)
        # botocore reads AWS_DEFAULT_REGION and the profile; AWS's other tools look here first.
        region = os.environ.get("AWS_REGION") or None
        return botocore.session.get_session().create_client(service, region_name=region, config=config)


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Around requests: AWS's errors become one diagnostic, "could not <what>: …".

    Raises Refused.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        reason, help_text = _of_answer(error.response.get("Error", {}), error.operation_name)
    except BotoCoreError as error:
        reason, help_text = _of_no_answer(error)
    except ValueError as error:  # botocore's for an endpoint that is no URL
        reason, help_text = str(error), "check AWS_ENDPOINT_URL"
    else:
        return
    raise Refused([Diagnostic("P539", f"could not {what}: {reason}", help=help_text)])


def _of_answer(error: Any, operation: str) -> tuple[str, str]:
    """Reason and help for a request that AWS refused."""
    code, message = str(error.get("Code", "")), str(error.get("Message", "")).rstrip(".")
    if "Scheduler to assume the role" in message:
        return (
            f"EventBridge Scheduler can't use the role: {message}",
            "correct METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE; its trust policy has to name scheduler.amazonaws.com",
        )
    if "Log Destination" in message:
        return (
            f"Step Functions can't write to the log group: {message}",
            "METAFLOW_SFN_IAM_ROLE needs logs:CreateLogDelivery, logs:DescribeLogGroups and others",
        )
    if "assume the provided role" in message:
        return (
            f"Step Functions can't use the role: {message}",
            "correct METAFLOW_SFN_IAM_ROLE, or the role's trust policy",
        )
    if code in _DENIED:
        return f"access denied ({message})", f"your AWS identity needs the permission for {operation}"
    if code in _UNKNOWN_CALLER:
        return f"AWS doesn't know these credentials ({code})", _CREDENTIALS
    if code in _EXPIRED:
        return f"the AWS credentials have expired ({code})", _CREDENTIALS
    if code == "StateMachineDeleting":
        return "it is being deleted", "wait until its last runs have ended, or give another name with --name"
    if code in _THROTTLED:
        return f"AWS asks to slow down ({code}), five times in a row", "try again in a minute"
    return f"{message} ({code})", "see the AWS documentation of " + operation


def _of_no_answer(error: Exception) -> tuple[str, str]:
    """Reason and help for a request that got no answer or was never sent."""
    from botocore import exceptions as known

    if isinstance(error, (known.NoCredentialsError, known.PartialCredentialsError, known.CredentialRetrievalError)):
        return "no AWS credentials found", _CREDENTIALS
    if isinstance(error, known.ProfileNotFound):
        return str(error), "correct AWS_PROFILE"
    if isinstance(error, known.NoRegionError):
        return "no AWS region is set", "set AWS_REGION, or `region` in ~/.aws/config"
    if isinstance(error, (known.HTTPClientError, known.ConnectionError)):
        endpoint = error.kwargs.get("endpoint_url", "the endpoint")
        return (
            f"{endpoint} can't be reached ({type(error).__name__})",
            "check the network, AWS_REGION and AWS_ENDPOINT_URL",
        )
    return str(error), "check the AWS configuration"


def is_passing(error: Exception) -> bool:
    """Whether the same request may be answered later: nobody answered, AWS asked to slow down, or AWS had a fault."""
    from botocore import exceptions as known

    if isinstance(error, known.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or error.response.get("Error", {}).get("Code") in _THROTTLED
    return isinstance(error, (known.HTTPClientError, known.ConnectionError))
