"""A flow's parameters as arguments of a workflow.

A value is the text that one would type behind the option.  On its way into a container it is quoted by Argo, as Go
quotes strings, and read by Kubernetes, which looks for variables; what either would alter is written as JSON in ASCII
behind :data:`~penstock.runtime_shim.argo_names.ENCODED`, which the container decodes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penstock.compiler.diagnostics import Diagnostic, Refused
from penstock.runtime_shim.argo_names import ENCODED

if TYPE_CHECKING:
    from penstock.compiler.steps import ParameterInfo

REPLACED = re.compile(r"\{\{|\$[$(]")
"""What Argo or Kubernetes look for in a text."""
ALTERED = re.compile(
    rf"{REPLACED.pattern}|["
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff\U00010000-\U0010ffff]"
)
"""What a text may hold that would not reach a container as it is: what Argo or Kubernetes would replace, and what Go
quotes in a way that JSON has not.  Beyond the first plane that depends on the letters that its version knows.
"""

MOST_BYTES = 100_000
"""Of all arguments as JSON: a container is given them in one variable, and Linux takes 128 KiB as one."""
LONGEST_DEFAULT = 4096
"""Characters of a default that stands in the manifests."""


def arguments(parameters: Iterable[ParameterInfo]) -> list[dict[str, Any]]:
    """The arguments, in the order of the flow; one without a value must be given one when a run is started."""
    return [_argument(parameter) for parameter in parameters]


def argument_value(value: object) -> str:
    """The text of an argument that means ``value``, a JSON-able one; what the flow makes of a text is the flow's.

    A float that JSON has no number for (``inf``) stays a text.
    """
    text = _typed(value)
    if text is None or text.startswith(ENCODED) or ALTERED.search(text):
        return ENCODED + _ascii(value)
    return text


def demand_room(arguments: Sequence[Mapping[str, str]]) -> None:
    """Raises Refused (P565) where one variable of a container cannot hold the arguments of a run."""
    size = len(json.dumps(list(arguments)).encode())
    if size > MOST_BYTES:
        message = f"the parameters have {size:,} bytes, a pod takes {MOST_BYTES:,}"
        raise Refused([Diagnostic("P565", message, help="store a large value, and pass its key")])


def plain(text: str) -> str:
    """A text of a manifest that people read and nothing decodes, without what Argo or Kubernetes would act upon."""
    text = text.replace("{{", "{ {").replace("$(", "$ (").replace("$$", "$ $")
    return ALTERED.sub("", " ".join(text.split()))


def inert(document: str) -> str:
    """A JSON text of strings in lists, in which neither Argo nor Kubernetes finds anything to replace."""
    return document.replace("{", "\\u007b").replace("$", "\\u0024").replace("\x7f", "\\u007f")


def _argument(parameter: ParameterInfo) -> dict[str, Any]:
    argument: dict[str, Any] = {"name": parameter.name}
    if not parameter.required:
        argument["value"] = _default(parameter)
    if parameter.help:
        argument["description"] = plain(parameter.help)
    return argument


def _default(parameter: ParameterInfo) -> str:
    """The default; nothing where it stands in the code package only: computed when the flow was deployed, or so long
    that one variable of a container might not hold all arguments together.
    """
    if parameter.deferred:
        return ENCODED
    value = argument_value(parameter.default)
    return value if len(value) <= LONGEST_DEFAULT else ENCODED


def _typed(value: object) -> str | None:
    """As one would type it; None for what cannot be typed."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case float() if not math.isfinite(value):
            return repr(value)
        case int() | float():
            return repr(value)
        case _:
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _ascii(value: object) -> str:
    """JSON in printable ASCII, of a text or of nothing; what else there is becomes a text."""
    if isinstance(value, (str, type(None))):
        return inert(json.dumps(value))
    return inert(json.dumps(json.dumps(value)))
