"""Which targets there are: the built-in ones by name, others through the entry point group ``penstock.backends``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from penstock.backends.protocol import Backend, BackendInfo
from penstock.compiler.diagnostics import Diagnostic, Refused

GROUP = "penstock.backends"

BUILT_IN = {
    "local": "penstock.backends.local:BACKEND",
    "step-functions": "penstock.backends.step_functions:BACKEND",
    "kfp": "penstock.backends.kubeflow:BACKEND",
    "argo-workflows": "penstock.backends.argo:BACKEND",
}
"""Named here and not looked up, so that no installed package can take their place."""


_METHODS = ("check", "lower", "compile", "describe")
ALL = "all"
"""Stands for every scheduler where targets are named; no target can be called so."""


def backends() -> dict[str, Backend[Any]]:
    """Every target by name: built-in ones first, then plugins in alphabetical order.

    Raises Refused for a plugin that cannot be loaded (P501), that is no backend (P502), or that takes a name
    which is not free (P503), naming the distribution it comes from.
    """
    found: dict[str, Backend[Any]] = {name: _load_built_in(name) for name in BUILT_IN}
    owners = dict.fromkeys([*BUILT_IN, ALL], "penstock")
    for entry in _plugins():
        if entry.name in owners:
            raise Refused([_taken(entry, owners[entry.name])])
        found[entry.name] = _load_plugin(entry)
        owners[entry.name] = _distribution(entry)
    return found


def infos() -> dict[str, BackendInfo]:
    """What every target is and can do, by name; imports no lowering.

    Raises Refused as :func:`backends` does.
    """
    return {name: backend.info for name, backend in backends().items()}


def backend(name: str) -> Backend[Any]:
    """The target of that name.

    Raises Refused (P504) when there is none, naming those there are, and as :func:`backends` does.
    """
    if name in BUILT_IN:
        return _load_built_in(name)
    found = backends()
    if name not in found:
        raise Refused([Diagnostic("P504", f"there is no target `{name}`", help=f"one of: {', '.join([*found, ALL])}")])
    return found[name]


def named(names: Iterable[str]) -> dict[str, Backend[Any]]:
    """The targets of these names, in their order, each once; `all` stands for every scheduler there is.

    Raises Refused as :func:`backend` does.
    """
    found: dict[str, Backend[Any]] = {}
    for name in names:
        if name == ALL:
            found.update((each, target) for each, target in backends().items() if target.info.scheduler)
        else:
            found[name] = backend(name)
    return found


@cache
def _load_built_in(name: str) -> Backend[Any]:
    module, _, attribute = BUILT_IN[name].partition(":")
    return cast("Backend[Any]", getattr(import_module(module), attribute))


def _plugins() -> Iterator[EntryPoint]:
    """Entry points of other distributions; penstock's own declare the built-in names for whoever lists the group."""
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, _distribution(entry))):
        if BUILT_IN.get(entry.name) != entry.value:
            yield entry


def _load_plugin(entry: EntryPoint) -> Backend[Any]:
    try:
        loaded = entry.load()
    except Exception as error:  # whatever a plugin's import raises must name the plugin
        raise Refused([_broken(entry, error)]) from error
    able = all(callable(getattr(loaded, method, None)) for method in _METHODS)
    if not isinstance(getattr(loaded, "info", None), BackendInfo) or not able:
        raise Refused([_no_backend(entry)])
    if loaded.info.name != entry.name:
        raise Refused([_misnamed(entry, loaded.info.name)])
    return cast("Backend[Any]", loaded)


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown distribution"


def _pip_line(entry: EntryPoint, verb: str) -> str:
    return f"run `python -m pip {verb} {_distribution(entry)}`"


def _broken(entry: EntryPoint, error: Exception) -> Diagnostic:
    return Diagnostic(
        "P501",
        f"the target `{entry.name}` of {_distribution(entry)} cannot be loaded from {entry.value}: "
        f"{type(error).__name__}: {error}",
        help=f"{_pip_line(entry, 'install --upgrade')}, or {_pip_line(entry, 'uninstall')}",
    )


def _no_backend(entry: EntryPoint) -> Diagnostic:
    return Diagnostic(
        "P502",
        f"{entry.value} of {_distribution(entry)} is registered as the target `{entry.name}` "
        f"but has not all of {', '.join(f'`{each}`' for each in ('info', *_METHODS))}",
        help=f"{_pip_line(entry, 'install --upgrade')}, or {_pip_line(entry, 'uninstall')}",
    )


def _misnamed(entry: EntryPoint, name: str) -> Diagnostic:
    return Diagnostic(
        "P502",
        f"{entry.value} of {_distribution(entry)} is registered as the target `{entry.name}` but calls itself `{name}`",
        help=f"{_pip_line(entry, 'install --upgrade')}, or {_pip_line(entry, 'uninstall')}",
    )


def _taken(entry: EntryPoint, owner: str) -> Diagnostic:
    return Diagnostic(
        "P503",
        f"{_distribution(entry)} registers the target `{entry.name}`, which is {owner}'s",
        help=_pip_line(entry, "uninstall"),
    )
