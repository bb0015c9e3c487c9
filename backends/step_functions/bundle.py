"""What a deployment consists of, in memory or as a folder for review."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.backends.step_functions.execution_logs import logging_configuration
from penstock.backends.step_functions.lowering import JOB_DEFINITIONS, STATE_MACHINE
from penstock.backends.step_functions.names import schedule_name
from penstock.backends.step_functions.schedules import SCHEDULE
from penstock.compiler.diagnostics import Diagnostic, Refused
from penstock.compiler.packaging import STORED_RAW
from penstock.runtime_shim.records import blob_key

if TYPE_CHECKING:
    from penstock.backends.protocol import Bundle
    from penstock.backends.step_functions.settings import StepFunctionsSettings
    from penstock.compiler.packaging import CodePackage

MANIFEST = "manifest.json"
OBJECTS = "objects.json"
FORMAT = 1


@dataclass(frozen=True)
class Deployment:
    """Everything that `deploy` uploads and registers: ``files`` by their path in the bundle, the manifest apart."""

    manifest: Mapping[str, Any]
    files: Mapping[str, bytes]

    @property
    def flow(self) -> str:
        """The flow's name."""
        return str(self.manifest["flow"])

    @property
    def name(self) -> str:
        """The state machine's name."""
        return str(self.manifest["state_machine"])

    @property
    def queues(self) -> list[str]:
        """The job queues, by name or ARN."""
        return list(map(str, self.manifest["job_queues"]))

    @property
    def definition(self) -> str:
        """The state machine, as it is sent."""
        return self.files[STATE_MACHINE].decode()

    @property
    def job_definitions(self) -> list[dict[str, Any]]:
        """The arguments of each RegisterJobDefinition."""
        definitions: list[dict[str, Any]] = json.loads(self.files[JOB_DEFINITIONS])
        return definitions

    @property
    def schedule(self) -> dict[str, Any] | None:
        """The arguments of CreateSchedule, but for the state machine's ARN; None where nothing starts by itself."""
        return json.loads(self.files[SCHEDULE]) if SCHEDULE in self.files else None

    @property
    def tags(self) -> dict[str, str]:
        """The user's tags for the state machine, which the job definitions have too."""
        return {str(key): str(value) for key, value in self.manifest["tags"].items()}

    @property
    def logging(self) -> dict[str, Any]:
        """The state machine's loggingConfiguration."""
        return dict(self.manifest["logging"])

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What must be stored below the root: key, url, sha1 (uncompressed), bytes (uncompressed), attributes, file."""
        listed: list[dict[str, Any]] = json.loads(self.files[OBJECTS])
        return listed


def deployment_of(
    flow: str, settings: StepFunctionsSettings, bundle: Bundle, package: CodePackage, queues: Collection[str]
) -> Deployment:
    """The deployment of a compiled flow, whose jobs go to these ``queues``."""
    key = blob_key(flow, package.sha)
    file = f"code/{package.sha}.tar.gz"
    objects = [
        {
            "key": key,
            "url": f"{settings.datastore_root}/{key}",
            "sha1": package.sha,
            "bytes": len(package.tar),
            "attributes": dict(STORED_RAW),
            "file": file,
        }
    ]
    files = {**bundle.files, OBJECTS: _json(objects), file: package.data}
    manifest = {
        "format": FORMAT,
        "target": "step-functions",
        "flow": flow,
        "state_machine": settings.name,
        "datastore_root": settings.datastore_root,
        "job_queues": sorted(queues),
        "role": settings.sfn_role,
        "tags": dict(sorted(settings.aws_tags.items())),
        "logging": logging_configuration(settings.log_level, settings.log_group),
        "schedule": schedule_name(settings.name) if SCHEDULE in bundle.files else None,
        "sha256": {path: hashlib.sha256(data).hexdigest() for path, data in sorted(files.items())},
    }
    return Deployment(manifest, files)


def write_deployment(deployment: Deployment, folder: str) -> None:
    """Write the bundle to ``folder``, in the place of an earlier one.

    Raises Refused where the folder holds something else, or can't be written.
    """
    try:
        _clear(folder)
        for path, data in deployment.files.items():
            target = os.path.join(folder, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as file:
                file.write(data)
        with open(os.path.join(folder, MANIFEST), "wb") as file:  # last: a bundle without it is not deployed
            file.write(_json(deployment.manifest))
    except OSError as error:
        message = f"the bundle can't be written to {folder}: {error.strerror}"
        raise _refused(message, help_text="choose another folder with -o") from None


def read_deployment(folder: str) -> Deployment:
    """Read what :func:`write_deployment` wrote, every file checked against the manifest.

    Raises Refused where it is no bundle, of another format, or was changed.
    """
    try:
        manifest = json.loads(_read(folder, MANIFEST))
        if manifest["format"] != FORMAT or manifest["target"] != "step-functions":
            raise ValueError(f"it has the format {manifest['format']!r} of {manifest['target']!r}")
        listed = dict(manifest["sha256"])
        files = {path: _read(folder, path) for path in listed}
        deployment = Deployment(manifest, files)
        changed = [path for path, data in files.items() if hashlib.sha256(data).hexdigest() != listed[path]]
        changed += [entry["file"] for entry in deployment.objects if not _is_package(files[entry["file"]], entry)]
    except OSError as error:
        message = f"{folder} is no bundle for Step Functions: {error.filename or MANIFEST}: {error.strerror}"
        raise _refused(message) from None
    except (KeyError, TypeError):
        raise _refused(f"{folder} is no bundle for Step Functions: its manifest or list of objects is torn") from None
    except ValueError as error:
        raise _refused(f"{folder} is no bundle for Step Functions: {error}") from None
    if changed:
        names = ", ".join(dict.fromkeys(changed))
        raise _refused(f"the bundle in {folder} was changed after it was written: {names}")
    return deployment


def read_own_deployment(folder: str, flow: str) -> Deployment:
    """Read a bundle of the flow.

    Raises Refused as :func:`read_deployment`, and where the bundle is of another flow.
    """
    deployment = read_deployment(folder)
    if deployment.flow != flow:
        message = f"the bundle in {folder} is of the flow {deployment.flow}, not of {flow}"
        raise _refused(message, help_text="deploy it with its own flow file")
    return deployment


def _is_package(data: bytes, entry: Mapping[str, Any]) -> bool:
    """Whether the stored bytes are what the object's key says."""
    try:
        sha = hashlib.sha1(gzip.decompress(data), usedforsecurity=False).hexdigest()
    except (OSError, EOFError, zlib.error):
        return False
    return str(entry["key"]).rpartition("/")[2] == str(entry["sha1"]) == sha


def _clear(folder: str) -> None:
    """Remove an earlier bundle.

    Raises Refused where there is something that is none.
    """
    if not os.path.isdir(folder) or not os.listdir(folder):
        return
    try:
        old = [_inside(folder, path) for path in json.loads(_read(folder, MANIFEST))["sha256"]]
    except (OSError, ValueError, KeyError, TypeError):
        message = f"{folder} is not empty, and holds no bundle that this one could replace"
        raise _refused(message, help_text="choose another folder with -o") from None
    os.remove(os.path.join(folder, MANIFEST))
    for target in old:
        if os.path.exists(target):
            os.remove(target)


def _read(folder: str, path: str) -> bytes:
    with open(_inside(folder, path), "rb") as file:
        return file.read()


def _inside(folder: str, path: str) -> str:
    if os.path.isabs(path) or ".." in path.split("/"):
        raise ValueError(f"the path {path!r} leads out of the bundle")
    return os.path.join(folder, path)


def _refused(message: str, help_text: str = "write it anew with `step-functions create -o DIR`") -> Refused:
    return Refused([Diagnostic("P537", message, help=help_text)])


def _json(document: object) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=True) + "\n").encode()
