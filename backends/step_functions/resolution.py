"""From options, profile and environment to the settings of a state machine; everything that is missing is told at
once.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from penstock.backends.step_functions.aws_tags import DEFAULT_TAGS, tag_set_problems, tags_of
from penstock.backends.step_functions.capabilities import NAME_LENGTH
from penstock.backends.step_functions.execution_logs import LOG_GROUP, log_problems
from penstock.backends.step_functions.jobs import is_role
from penstock.backends.step_functions.schedules import EVENTS_ROLE
from penstock.backends.step_functions.settings import StepFunctionsSettings
from penstock.compiler.diagnostics import Diagnostic

if TYPE_CHECKING:
    from penstock.runtime_shim.configuration import Configuration

CONTAINER_KEYS = ("METAFLOW_AWS_S3_REGION", "METAFLOW_S3_ENDPOINT_URL", "METAFLOW_DATATOOLS_SYSROOT_S3")
"""The configuration keys that a compiled document may hold: none of them is a credential."""

_REQUIRED = {
    "METAFLOW_BATCH_JOB_QUEUE": "the AWS Batch queue for the jobs",
    "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": "the role of the jobs' containers, which read and write the datastore",
    "METAFLOW_SFN_IAM_ROLE": "the role of the state machine, which submits the jobs",
}
_ROOT = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?\Z", re.DOTALL)
_UNQUOTABLE = re.compile(r"['{}\\\x00-\x1f\x7f]")
_NAME = re.compile(r"[A-Za-z0-9_.+=()!@-]+\Z")
"""What AWS leaves of printable ASCII: no space, no bracket but round ones, none of ``?*"#%\\^|~`$&,;:/``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the command line says: None or empty where the configuration decides."""

    name: str | None = None
    datastore_root: str | None = None
    image: str | None = None
    tags: tuple[str, ...] = ()
    max_workers: int = 100
    workflow_timeout: int = 0
    distributed_map: bool = False
    name_prefix: str | None = None
    aws_tags: tuple[str, ...] = ()
    log_level: str = "OFF"


def resolve_settings(
    flow: str, entry: tuple[str, ...], user: str, configuration: Configuration, chosen: Chosen
) -> tuple[StepFunctionsSettings, tuple[Diagnostic, ...]]:
    """The settings, with gaps left empty, and what is wrong with them.

    Reads nothing but its arguments.  The code package's sha is still to be filled in.
    """
    settings = StepFunctionsSettings(
        datastore_root=(chosen.datastore_root or configuration.get("METAFLOW_DATASTORE_SYSROOT_S3") or "").rstrip("/"),
        name=machine_name(flow, chosen.name, configuration, chosen.name_prefix),
        entry=entry,
        image=chosen.image
        or configuration.get("METAFLOW_BATCH_CONTAINER_IMAGE")
        or f"python:{sys.version_info.major}.{sys.version_info.minor}",
        config=MappingProxyType({key: value for key in CONTAINER_KEYS if (value := configuration.get(key))}),
        tags=chosen.tags,
        user=user,
        max_workers=chosen.max_workers,
        workflow_timeout=chosen.workflow_timeout,
        distributed_map=chosen.distributed_map,
        job_queue=configuration.get("METAFLOW_BATCH_JOB_QUEUE") or "",
        job_role=configuration.get("METAFLOW_ECS_S3_ACCESS_IAM_ROLE") or "",
        sfn_role=configuration.get("METAFLOW_SFN_IAM_ROLE") or "",
        execution_role=configuration.get("METAFLOW_ECS_FARGATE_EXECUTION_ROLE") or "",
        registry=configuration.get("METAFLOW_BATCH_CONTAINER_REGISTRY") or "",
        events_role=configuration.get(EVENTS_ROLE) or "",
        aws_tags=MappingProxyType(tags_of(chosen.aws_tags, configuration.get(DEFAULT_TAGS))),
        log_level=chosen.log_level,
        log_group=configuration.get(LOG_GROUP) or "",
    )
    settings = replace(settings, image=settings.qualified(settings.image))
    return settings, tuple(problems(flow, settings))


def machine_name(flow: str, chosen: str | None, configuration: Configuration, chosen_prefix: str | None = None) -> str:
    """``chosen``, or the flow's name, behind a prefix and ``_`` unless it begins with the prefix.

    The prefix is the chosen one, where it is the empty text none, else METAFLOW_SFN_STATE_MACHINE_PREFIX.
    """
    prefix = configuration.get("METAFLOW_SFN_STATE_MACHINE_PREFIX") if chosen_prefix is None else chosen_prefix
    name = chosen or flow
    return f"{prefix}_{name}" if prefix and not name.startswith(prefix) else name


def with_placeholders(settings: StepFunctionsSettings, root: str) -> StepFunctionsSettings:
    """The settings with every gap filled by something that AWS would take: for a rehearsal, which needs no account."""
    role = "arn:aws:iam::123456789012:role/penstock-rehearsal"
    return replace(
        settings,
        datastore_root=settings.datastore_root or root,
        job_queue=settings.job_queue or "penstock-rehearsal",
        job_role=settings.job_role or role,
        sfn_role=settings.sfn_role or role,
        events_role=settings.events_role or role,
    )


def problems(flow: str, settings: StepFunctionsSettings) -> Iterator[Diagnostic]:
    """Everything that is wrong with the settings."""
    yield from _missing(settings)
    yield from _bad_values(settings)
    yield from _bad_names(flow, settings)
    yield from tag_set_problems(settings.aws_tags)
    yield from log_problems(settings.log_level, settings.log_group)


def _missing(settings: StepFunctionsSettings) -> Iterator[Diagnostic]:
    values = (settings.job_queue, settings.job_role, settings.sfn_role)
    if not settings.datastore_root:
        message = "no S3 datastore is configured, where the jobs find their code and store their artifacts"
        yield Diagnostic("P530", message, help=f"give --datastore-root, {_setting('METAFLOW_DATASTORE_SYSROOT_S3')}")
    for (key, what), value in zip(_REQUIRED.items(), values, strict=True):
        if not value:
            yield Diagnostic("P530", f"{key} is not set: {what}", help=_setting(key))


def _setting(key: str) -> str:
    return f"set it as the environment variable {key}, or under that key in ~/.metaflowconfig/config.json"


def _bad_values(settings: StepFunctionsSettings) -> Iterator[Diagnostic]:
    root = settings.datastore_root
    if root and not _ROOT.match(root):
        message = f"the datastore root {root!r} is not of the form s3://bucket/prefix"
        yield Diagnostic("P531", message, help="jobs on AWS Batch reach S3 only")
    for key, role in (
        ("METAFLOW_ECS_S3_ACCESS_IAM_ROLE", settings.job_role),
        ("METAFLOW_SFN_IAM_ROLE", settings.sfn_role),
        ("METAFLOW_ECS_FARGATE_EXECUTION_ROLE", settings.execution_role),
    ):
        if role and not is_role(role):
            message = f"{key} is {role!r}, which is not a role's ARN"
            yield Diagnostic("P531", message, help="it looks like arn:aws:iam::123456789012:role/name")
    for key, value in settings.config.items():
        if "://" in value and "@" in urlsplit(value).netloc:
            message = f"{key} holds a user name or a password, and would stand in the compiled job definition"
            yield Diagnostic("P531", message, help="give the containers' credentials by the role of the jobs")


def _bad_names(flow: str, settings: StepFunctionsSettings) -> Iterator[Diagnostic]:
    for what, text in (("the datastore root", settings.datastore_root), ("the flow's name", flow)):
        found = _UNQUOTABLE.search(text)
        if found:
            message = f"{what} {text!r} holds {found.group()!r}, which States.Format would have to quote"
            yield Diagnostic("P532", message, help="leave out quotes, braces, backslashes and control characters")
    yield from name_problems(settings.name)


def name_problems(name: str) -> Iterator[Diagnostic]:
    """What is wrong with the name of a state machine."""
    if len(name) > NAME_LENGTH:
        message = f"the state machine's name {name!r} has {len(name)} characters, AWS takes {NAME_LENGTH}"
        yield Diagnostic("P412", message, help="choose a shorter one with --name, or a shorter --name-prefix")
    if not _NAME.match(name):
        message = f"a state machine can't have the name {name!r}"
        yield Diagnostic("P532", message, help="use letters, digits and `_ . + = - ( ) ! @`")


def tag_problems(tags: Iterable[str]) -> Iterator[Diagnostic]:
    """What is wrong with the tags of runs."""
    for tag in tags:
        if not tag or len(tag) > 256 or not tag.isprintable():
            message = f"{tag!r} can't be a tag"
            yield Diagnostic("P532", message, help="a tag is printable text of 1 to 256 characters")
