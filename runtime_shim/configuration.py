"""METAFLOW_* settings: the environment over the profile file over defaults."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from penstock.runtime_shim.failures import Failure

KEYS: Mapping[str, str] = {
    "METAFLOW_PROFILE": "Chooses the profile file config_<profile>.json; environment only.",
    "METAFLOW_HOME": "The folder of the profile files; environment only.",
    "METAFLOW_USER": "Who runs flows; otherwise SUDO_USER, USERNAME, USER.",
    "METAFLOW_DEFAULT_DATASTORE": "The datastore used without --datastore: local or s3.",
    "METAFLOW_DEFAULT_METADATA": "Accepted as Metaflow's; metadata stands in the datastore.",
    "METAFLOW_DATASTORE_SYSROOT_LOCAL": "The folder in which .metaflow, the local datastore, lies.",
    "METAFLOW_DATASTORE_SYSROOT_S3": "The root of the S3 datastore: s3://bucket/prefix.",
    "METAFLOW_DATATOOLS_SYSROOT_S3": "Metaflow's root for its data tools; kept for flows that read it.",
    "METAFLOW_AWS_ARN": "A role that is assumed before S3 is used.",
    "METAFLOW_AWS_S3_REGION": "The region of the S3 datastore.",
    "METAFLOW_S3_ENDPOINT_URL": "The URL of an S3 server that is not AWS's.",
    "METAFLOW_SFN_IAM_ROLE": "The role that Step Functions state machines run as.",
    "METAFLOW_SFN_STATE_MACHINE_PREFIX": "Prefix of the names of state machines.",
    "METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE": "The role with which a schedule starts state machines.",
    "METAFLOW_SFN_EXECUTION_LOG_GROUP_ARN": "The log group for the history of executions.",
    "METAFLOW_BATCH_JOB_QUEUE": "The AWS Batch queue that jobs are submitted to.",
    "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": "The role that a Batch job's container has.",
    "METAFLOW_BATCH_CONTAINER_IMAGE": "The image of Batch jobs; otherwise python: of the compiling interpreter.",
    "METAFLOW_BATCH_CONTAINER_REGISTRY": "The registry in front of the image's name.",
    "METAFLOW_BATCH_DEFAULT_TAGS": "Tags for what is deployed to AWS, as a JSON object.",
    "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "The image of pods; otherwise python: of the compiling interpreter.",
    "METAFLOW_KUBERNETES_CONTAINER_REGISTRY": "The registry in front of that image's name.",
    "METAFLOW_KUBERNETES_IMAGE_PULL_POLICY": "When a pod's image is pulled: Always, IfNotPresent or Never.",
    "METAFLOW_KUBERNETES_IMAGE_PULL_SECRETS": "The secrets with which images are pulled, a JSON list of names.",
    "METAFLOW_KUBERNETES_NAMESPACE": "The namespace of pods.",
    "METAFLOW_KUBERNETES_SERVICE_ACCOUNT": "The service account of pods.",
    "METAFLOW_KUBERNETES_SECRETS": "Secrets whose keys are pods' variables: a,b; or JSON with variables, or a folder.",
    "METAFLOW_KUBERNETES_PERSISTENT_VOLUME_CLAIMS": "The folders at which claims are mounted, a JSON object.",
    "METAFLOW_KUBERNETES_NODE_SELECTOR": "Labels that pods' nodes have: a=b,c=d.",
    "METAFLOW_KUBERNETES_TOLERATIONS": "What pods tolerate of their nodes, a JSON list.",
    "METAFLOW_KUBERNETES_LABELS": "Labels of pods: a=b,c=d.",
    "METAFLOW_KUBERNETES_ANNOTATIONS": "Annotations of pods: a=b,c=d.",
    "METAFLOW_KUBERNETES_CPU": "The CPUs of a pod that asks for none.",
    "METAFLOW_KUBERNETES_MEMORY": "The MiB of memory of a pod that asks for none.",
    "METAFLOW_KUBERNETES_GPU_VENDOR": "Whose GPUs pods get: nvidia (unless said otherwise) or amd.",
    "METAFLOW_ARGO_WORKFLOWS_UI_URL": "The address of Argo's own pages; printed before the name of a run.",
    "METAFLOW_PRODUCTION_TOKEN": "Makes the default namespace production:<token>.",
    "KFP_RUN_URL_PREFIX": "Printed before the id of a Kubeflow Pipelines run.",
    "KF_PIPELINES_ENDPOINT": "The URL of the API of Kubeflow Pipelines.",
    "KF_PIPELINES_DEFAULT_EXPERIMENT_NAME": "The experiment of runs on Kubeflow; otherwise the flow's name.",
    "KF_PIPELINES_OVERRIDE_EXPERIMENT_NAME": "The experiment of runs on Kubeflow, whatever the command line says.",
    "METAFLOW_KFP_NAMESPACE": "Whose runs are meant, on a Kubeflow for many users.",
    "METAFLOW_KFP_SERVER_NAMESPACE": "The namespace that Kubeflow Pipelines runs in; otherwise kubeflow.",
    "METAFLOW_KFP_PIPELINE_ROOT": "Where Kubeflow keeps its own files of runs.",
}
"""Every key Penstock knows, with one sentence each, in the order in which they are shown."""

DEFAULTS: Mapping[str, str] = {
    "METAFLOW_HOME": "~/.metaflowconfig",
    "METAFLOW_DEFAULT_DATASTORE": "local",
    "METAFLOW_DEFAULT_METADATA": "local",
}

_ENVIRONMENT_ONLY = ("METAFLOW_PROFILE", "METAFLOW_HOME")
_PREFIXES = ("METAFLOW_", "KFP_RUN_URL_PREFIX")


class ProfileMissing(Failure):
    """METAFLOW_PROFILE names a profile that has no file."""

    code = "P520"
    exit_code = 1


class ProfileUnreadable(Failure):
    """A profile file is not a JSON object of plain values, or may not be read."""

    code = "P521"
    exit_code = 1


class Configuration:
    """The settings of this process."""

    def __init__(self, environ: Mapping[str, str], profile: Mapping[str, str], profile_path: str) -> None:
        self._environ = environ
        self._profile = profile
        self._path = profile_path

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Configuration:
        """Read the environment (``os.environ`` where None) and the profile file it names.

        Raises ProfileMissing, ProfileUnreadable.
        """
        env = os.environ if environ is None else environ
        home = os.path.expanduser(env.get("METAFLOW_HOME") or DEFAULTS["METAFLOW_HOME"])
        profile = env.get("METAFLOW_PROFILE")
        path = os.path.join(home, f"config_{profile}.json" if profile else "config.json")
        return cls(env, _read_profile(path, profile, home), path)

    def get(self, key: str) -> str | None:
        """The value of ``key``, None where it is not set; an empty one counts as not set."""
        found = self._look_up(key)
        return found[0] if found else None

    def entries(self) -> list[tuple[str, str, str]]:
        """``(key, value, where it came from)`` of every key that has a value: known keys first, then others by name."""
        others = sorted(
            key for key in {*self._profile, *self._environ} if key.startswith(_PREFIXES) and key not in KEYS
        )
        found = ((key, self._look_up(key)) for key in [*KEYS, *others])
        return [(key, *value) for key, value in found if value]

    def _look_up(self, key: str) -> tuple[str, str] | None:
        if value := self._environ.get(key):
            return value, "environment"
        if key not in _ENVIRONMENT_ONLY and (value := self._profile.get(key)):
            return value, self._path
        if value := DEFAULTS.get(key):
            return value, "default"
        return None


def _read_profile(path: str, profile: str | None, home: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except FileNotFoundError:
        if profile:
            raise ProfileMissing(
                f"the profile `{profile}` that METAFLOW_PROFILE names does not exist: there is no file {path}",
                help=f"write that file, or choose one of: {_profiles(home)}",
            ) from None
        return {}
    except OSError as error:
        raise ProfileUnreadable(
            f"the profile {path} cannot be read: {error.strerror}", help="check its permissions, or set METAFLOW_HOME"
        ) from error
    except ValueError as error:  # malformed JSON and malformed UTF-8 alike
        raise ProfileUnreadable(
            f"the profile {path} is not JSON: {error}", help="it holds one JSON object, keys METAFLOW_…, values strings"
        ) from error
    if not isinstance(document, dict):
        raise ProfileUnreadable(
            f"the profile {path} holds a JSON {_kind(document)}, not an object",
            help="it holds one JSON object, keys METAFLOW_…, values strings",
        )
    return {str(key): _text(value) for key, value in document.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    return json.dumps(value)


def _kind(document: object) -> str:
    kinds = {list: "list", str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}
    return kinds[type(document)]


def _profiles(home: str) -> str:
    try:
        names = sorted(os.listdir(home))
    except OSError:
        return "(none found)"
    found = [
        name[len("config_") : -len(".json")] for name in names if name.startswith("config_") and name.endswith(".json")
    ]
    return ", ".join(found) or "(none found)"
