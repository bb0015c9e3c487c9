"""What the launcher puts into a container's command line: values in the place of ``{{$…}}``.

From ``backend/src/v2/component/launcher_v2.go`` (getPlaceholders): every placeholder is replaced wherever it stands,
one after the other in no fixed order, in what others have put there too.  So a value that holds a placeholder may or
may not be replaced, and a rehearsal refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.backends.kubeflow.rehearsal.values import to_json, to_text
from penstock.backends.rehearsal.fields import BadDocument

_OPEN = "{{$"


def executor_input(inputs: Mapping[str, Any], output_files: Mapping[str, str], output_file: str) -> dict[str, Any]:
    """The ExecutorInput message in its JSON form: fields without a value are left out."""
    outputs: dict[str, Any] = {"outputFile": output_file}
    if output_files:
        outputs["parameters"] = {name: {"outputFile": path} for name, path in output_files.items()}
    return {"inputs": {"parameterValues": dict(inputs)} if inputs else {}, "outputs": outputs}


def command_line(command: Sequence[str], message: Mapping[str, Any]) -> list[str]:
    """The command with its placeholders replaced.

    Raises BadDocument for a placeholder that the launcher does not know, and for a value that holds one.
    """
    values = message["inputs"].get("parameterValues", {})
    for name, value in values.items():
        if _OPEN in to_text(value):
            raise BadDocument(f"the value of `{name}` holds `{_OPEN}`, which the launcher may replace")
    known = {"{{$}}": to_json(message), "{{$.outputs.output_file}}": message["outputs"]["outputFile"]}
    known.update((f"{{{{$.inputs.parameters['{name}']}}}}", to_text(value)) for name, value in values.items())
    for name, output in message["outputs"].get("parameters", {}).items():
        known[f"{{{{$.outputs.parameters['{name}'].output_file}}}}"] = output["outputFile"]
    return [_replaced(argument, known) for argument in command]


def _replaced(argument: str, known: Mapping[str, str]) -> str:
    if _OPEN not in argument:
        return argument
    for placeholder, value in known.items():
        argument = argument.replace(placeholder, value)
    if _OPEN in argument:
        place = argument.index(_OPEN)
        raise BadDocument(f"the launcher knows no placeholder {argument[place : place + 60]!r}")
    return argument
