"""The second document: what only Kubernetes knows of the executors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.backends.kubeflow.pods import Shape


def platform_document(shapes: Mapping[str, Shape]) -> list[dict[str, Any]]:
    """The document, as a list of one; of none where no executor has anything to say."""
    executors = {f"exec-{name}": json.loads(shape.platform) for name, shape in shapes.items()}
    said = {name: entry for name, entry in executors.items() if entry}
    return [{"platforms": {"kubernetes": {"deploymentSpec": {"executors": said}}}}] if said else []
