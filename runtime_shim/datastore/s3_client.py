"""A botocore client for S3: endpoint, region, role, retries.

botocore is imported in functions only: flows that never touch S3 must not pay for it, nor need it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from penstock.runtime_shim.datastore.faults import NoCredentials
from penstock.runtime_shim.datastore.protocol import StorageFailure
from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT = 10
"""Seconds until a connection must stand."""
READ_TIMEOUT = 60
"""Seconds without a byte after which a request is given up."""
_DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class S3Access:
    """How S3 is reached: ``endpoint_url`` and ``region`` None take what botocore finds in the AWS_* environment and
    profile, ``role_arn`` is assumed before the first request, ``attempts`` is how often a request is tried in all.
    """

    endpoint_url: str | None = None
    region: str | None = None
    role_arn: str | None = None
    attempts: int = 5


_shared: list[Session] = []


def share_session(session: Any) -> None:
    """Let every store of this process, and of those forked from it, use this botocore session where it needs no role.

    A session holds what botocore has read of its service descriptions, a tenth of a second's work, and credentials.
    """
    _shared[:] = [session]


def s3_session(access: S3Access) -> Session:
    """A botocore session: credentials by the usual chain (the shared one where there is one), or of the assumed role.

    Raises StorageFailure where botocore is not installed.
    """
    if _shared and not access.role_arn:
        return _shared[0]
    try:
        from botocore.session import get_session
    except ImportError as error:
        raise StorageFailure(
            "the S3 datastore needs botocore, which is not installed here",
            help="python -m pip install boto3",
            exit_code=EXIT_DO_NOT_RETRY,
        ) from error
    session = get_session()
    if access.role_arn:
        source = get_session()
        provider = _role_provider(source, access.role_arn, _region(session, access))
        session.get_component("credential_provider").insert_before("env", provider)
    return session


def s3_client(session: Session, access: S3Access, connections: int) -> S3Client:
    """A client with bounded retries and timeouts.

    Raises NoCredentials for an AWS profile that does not exist, StorageFailure for an endpoint that is no URL.
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    try:
        endpoint = access.endpoint_url
        config = Config(
            retries={"total_max_attempts": access.attempts, "mode": "standard"},
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            max_pool_connections=connections,
            tcp_keepalive=True,
            # S3 servers other than AWS's know neither bucket host names nor the newer checksums.
            s3={"addressing_style": "path"} if endpoint else None,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            parameter_validation=False,
        )
        client: Any = session.create_client(
            "s3", region_name=_region(session, access), endpoint_url=endpoint, config=config
        )
    except BotoCoreError as error:
        raise NoCredentials(
            f"the AWS configuration cannot be used: {error}", help="check AWS_PROFILE and ~/.aws/config"
        ) from error
    except ValueError as error:
        raise StorageFailure(
            f"{access.endpoint_url!r} cannot be the endpoint of the S3 datastore: {error}",
            help="METAFLOW_S3_ENDPOINT_URL holds a URL such as http://host:9000",
            exit_code=EXIT_DO_NOT_RETRY,
        ) from error
    made: S3Client = client
    return made


def _region(session: Session, access: S3Access) -> str:
    return str(access.region or session.get_config_variable("region") or _DEFAULT_REGION)


def _role_provider(source: Session, role_arn: str, region: str) -> Any:
    """A credential provider: assumes the role when credentials are first asked for, and again before they expire."""
    from botocore.credentials import AssumeRoleCredentialFetcher, CredentialProvider, DeferredRefreshableCredentials

    class AssumedRole(CredentialProvider):
        METHOD = "penstock-assume-role"

        def load(self) -> DeferredRefreshableCredentials:
            fetcher = AssumeRoleCredentialFetcher(
                client_creator=partial(source.create_client, region_name=region),
                source_credentials=source.get_credentials(),
                role_arn=role_arn,
                extra_args={"RoleSessionName": "penstock"},
            )
            return DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method=self.METHOD)

    return AssumedRole()
