"""YAML as Kubeflow reads it: the same bytes with and without libyaml."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

_NEVER_FOLDED = 2**31 - 1
_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]  # which of the two it is depends on how PyYAML was built
    def ignore_aliases(self, data: object) -> bool:
        """Kubeflow's parser is Go's, which is asked for no aliases."""
        return True


def _text(dumper: Any, text: str) -> Any:
    """A text of several lines, the program in an executor, as a block that can be read."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def dump(documents: Iterable[object], dumper: Any = _Dumper) -> bytes:
    """Documents of dicts, lists and scalars, keys sorted."""
    data: bytes = yaml.dump_all(
        documents,
        Dumper=dumper,
        default_flow_style=False,
        sort_keys=True,
        width=_NEVER_FOLDED,
        allow_unicode=False,
        encoding="utf-8",
    )
    return data
