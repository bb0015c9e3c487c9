"""Manifests as people compare them: steps by their way through foreaches, arms and loops, with what they run in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from penstock.backends.argo.names import CONTENT_ANNOTATION
from penstock.backends.differences import Description, flattened

_PACKAGE = "PENSTOCK_PACKAGE"
_TOLD_ELSEWHERE = (_PACKAGE, "PENSTOCK_IMAGE")
"""Variables that say again what is told as code package and image."""
_OWN_ARGUMENTS = frozenset({"step"})
"""Of a task: what its name says already."""
_PLAIN_NAMES = {"resources.limits": "limit", "resources.requests": "request", "retryStrategy": "retry"}
_MANIFESTS = (".yaml", ".yml", ".json")
_LONG_PROGRAM = 200
"""Characters from which an argument of a container is the bootstrap: its hash says whether it is the same."""

Template = Mapping[str, Any]


def documents_of(files: Mapping[str, bytes]) -> list[Mapping[str, Any]]:
    """The objects of manifests by file name, those of lists too; files that are no manifests are left out.

    Raises ValueError for a file that is no YAML, or holds something else than objects of Kubernetes.
    """
    return [each for name in sorted(files) if name.endswith(_MANIFESTS) for each in _objects(name, files[name])]


def _objects(name: str, data: bytes) -> list[Mapping[str, Any]]:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        found = [each for each in yaml.load_all(data, Loader=loader) if each]
    except yaml.YAMLError as error:
        raise ValueError(f"{name} is no YAML: {' '.join(str(error).split())}") from None
    flat = [item for each in found for item in ((each.get("items") or [each]) if isinstance(each, dict) else [each])]
    if not all(isinstance(each, dict) and isinstance(each.get("kind"), str) for each in flat):
        raise ValueError(f"{name} holds something else than objects of Kubernetes")
    return flat


def describe(documents: Iterable[Mapping[str, Any]]) -> Description:
    """Workflow templates and a cron workflow, for :func:`penstock.backends.differences.differences`."""
    found = list(documents)
    whole = [each for each in found if each.get("kind") == "WorkflowTemplate"]
    main = next((each for each in whole if (each.get("spec") or {}).get("entrypoint")), None)
    whole = _reached(main, whole) if main else []
    schedules = [each for each in found if each.get("kind") == "CronWorkflow"]
    spec = (main or {}).get("spec") or {}
    packages = sorted({value for each in whole for value in _packages(each)})
    return {
        "template": {_name(main): dict(_settings(main))} if main else {},
        "parameter": dict(_parameters((spec.get("arguments") or {}).get("parameters") or ())),
        "task": dict(_tasks(main, whole)) if main else {},
        "schedule": {_name(each): dict(_schedule(each)) for each in schedules},
        "code package": {"": {"sha1": ", ".join(packages)}} if packages else {},
    }


def _reached(main: Mapping[str, Any], whole: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The objects that runs of ``main`` come to: parts of other versions may be there too."""
    named = {_name(each): each for each in whole}
    found, pending = {_name(main): main}, [main]
    while pending:
        for template in (pending.pop().get("spec") or {}).get("templates") or ():
            for task in (template.get("dag") or {}).get("tasks") or ():
                part = str((task.get("templateRef") or {}).get("name", ""))
                if part in named and part not in found:
                    found[part] = named[part]
                    pending.append(named[part])
    return list(found.values())


def _name(document: Mapping[str, Any]) -> str:
    return str((document.get("metadata") or {}).get("name", ""))


def _metadata(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Labels and annotations, except the hash of the whole."""
    metadata = document.get("metadata") or {}
    for sort in ("labels", "annotations"):
        for key, value in sorted((metadata.get(sort) or {}).items()):
            if key != CONTENT_ANNOTATION:
                yield f"{sort.removesuffix('s')} {key}", str(value)


def _settings(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is said of all runs; their marks, where the template itself has others."""
    spec = dict(document.get("spec") or {})
    own = document.get("metadata") or {}
    marks = {
        sort: {key: each for key, each in (said or {}).items() if (own.get(sort) or {}).get(key) != each}
        for sort, said in (spec.pop("workflowMetadata", None) or {}).items()
    }
    yield from _metadata(document)
    plain = {key: each for key, each in spec.items() if key not in ("templates", "arguments")}
    yield from flattened({**plain, "workflowMetadata": marks})


def _schedule(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What starts runs, and when; whether it is suspended is for whoever runs the cluster to say."""
    spec = document.get("spec") or {}
    yield from flattened({key: each for key, each in spec.items() if key != "suspend"})


def _parameters(parameters: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, str]]]:
    for each in parameters:
        fields = {key: str(value) for key, value in each.items() if key != "name"}
        yield str(each.get("name", "")), fields


def _packages(document: Mapping[str, Any]) -> Iterator[str]:
    for template in (document.get("spec") or {}).get("templates") or ():
        for each in (template.get("container") or {}).get("env") or ():
            if each.get("name") == _PACKAGE:
                yield str(each.get("value", ""))


def _tasks(main: Mapping[str, Any], whole: list[Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each task by its way from the entrypoint, with what its template says; iterative.

    A template that calls itself, a loop, is described once.
    """
    templates = {
        (_name(document), str(template.get("name", ""))): template
        for document in whole
        for template in (document.get("spec") or {}).get("templates") or ()
    }
    start = (_name(main), str(main["spec"]["entrypoint"]))
    fields = {key: dict(_around(each) if _is_dag(each) else _leaf(each)) for key, each in templates.items()}
    pending, seen = [("", start)], {start}
    while pending:
        way, key = pending.pop()
        template = templates.get(key) or {}
        for task in (template.get("dag") or {}).get("tasks") or ():
            called = _called(task, key[0])
            name = f"{way}{task.get('name', '')}"
            yield name, {**_task(task), **fields.get(called, {})}
            if called not in seen and _is_dag(templates.get(called) or {}):
                seen.add(called)
                pending.append((f"{name}/", called))


def _called(task: Mapping[str, Any], here: str) -> tuple[str, str]:
    """The template that a task calls, by the document it stands in and its name."""
    other = task.get("templateRef") or {}
    return (str(other.get("name", here)), str(other.get("template") or task.get("template", "")))


def _is_dag(template: Template) -> bool:
    return "dag" in template or "steps" in template


def _task(task: Mapping[str, Any]) -> dict[str, str]:
    arguments = {
        each.get("name"): each.get("value")
        for each in (task.get("arguments") or {}).get("parameters") or ()
        if each.get("name") not in _OWN_ARGUMENTS
    }
    plain = {key: each for key, each in task.items() if key not in ("name", "template", "templateRef", "arguments")}
    return dict(flattened({**plain, **({"arguments": arguments} if arguments else {})}))


def _around(template: Template) -> Iterator[tuple[str, str]]:
    """What a pipeline says of itself, besides its tasks: how many run at once, and what it puts out."""
    said = {key: each for key, each in template.items() if key not in ("name", "inputs", "dag", "steps")}
    return flattened(said, by_name=True)


def _leaf(template: Template) -> Iterator[tuple[str, str]]:
    """What a leaf template says: container, environment, retries, and what only Kubernetes knows."""
    container = dict(template.get("container") or {})
    variables = {each.get("name"): _source(each) for each in container.pop("env", None) or []}
    variables = {name: each for name, each in variables.items() if name not in _TOLD_ELSEWHERE}
    others = {key: each for key, each in template.items() if key not in ("name", "inputs", "container")}
    for name, text in flattened({**container, "env": variables, **others}, by_name=True):
        plain = next((name.replace(long, short, 1) for long, short in _PLAIN_NAMES.items() if long in name), name)
        yield plain, text if len(text) < _LONG_PROGRAM else _hashed(text)


def _hashed(text: str) -> str:
    return f"sha1 {hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()}"


def _source(variable: Mapping[str, Any]) -> str:
    """The value of a variable, or where it comes from."""
    if "value" in variable:
        return str(variable["value"])
    return json.dumps(variable.get("valueFrom"), sort_keys=True)
