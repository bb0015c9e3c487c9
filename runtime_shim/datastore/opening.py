"""From the name of a datastore to the store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from penstock.runtime_shim.failures import Failure

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from penstock.runtime_shim.configuration import Configuration
    from penstock.runtime_shim.datastore.protocol import Datastore

FOLDER = ".metaflow"
"""The folder that holds a local datastore."""
PLUGINS = "penstock.datastores"
"""Entry point group: each names a function ``(root: str | None, configuration) -> Datastore``."""
BUILT_IN = ("local", "s3")


class DatastoreUnusable(Failure):
    """The configuration names no datastore that can be opened."""

    code = "P522"
    exit_code = 1


def open_datastore(kind: str, root: str | None, configuration: Configuration) -> Datastore:
    """The datastore ``kind`` (``local``, ``s3``, or a plugin's name) at ``root``; None takes the configured root.

    For ``local``, ``root`` is the folder that holds the flows, taken as it stands, as Metaflow's
    ``--datastore-root``.  Without it it is ``.metaflow`` in METAFLOW_DATASTORE_SYSROOT_LOCAL, or the first
    ``.metaflow`` found from here upwards, or that of the current folder.  Nothing is made or asked of a server here.

    Raises Failure for an unknown kind, a plugin that cannot be loaded, a root that is missing or cannot be one.
    """
    if kind == "local":
        from penstock.runtime_shim.datastore.local import LocalDatastore

        return LocalDatastore(root or local_root(configuration))
    if kind == "s3":
        from penstock.runtime_shim.datastore.s3 import open_s3

        return open_s3(root, configuration)
    return _plugin(kind, root, configuration)


_chosen: list[Datastore] = []
"""The store of the command that this process runs."""


def use_in_client(store: Datastore) -> None:
    """Make ``store`` the one in which the Client looks: a step finds runs where its own run is."""
    _chosen[:] = [store]


def client_store() -> Datastore:
    """Where the Client looks: the store of the running command, else that of the configuration.

    Raises as :func:`open_datastore`, and for a profile that cannot be read.
    """
    if _chosen:
        return _chosen[0]
    from penstock.runtime_shim.configuration import Configuration

    configuration = Configuration.load()
    return open_datastore(configuration.get("METAFLOW_DEFAULT_DATASTORE") or "local", None, configuration)


def local_root(configuration: Configuration) -> str:
    """Where Metaflow keeps a local datastore: see :func:`open_datastore`."""
    sysroot = configuration.get("METAFLOW_DATASTORE_SYSROOT_LOCAL")
    if sysroot:
        return os.path.join(os.path.expanduser(sysroot), FOLDER)
    here = at = os.getcwd()
    while True:
        candidate = os.path.join(at, FOLDER)
        if os.path.isdir(candidate):
            return candidate
        outer = os.path.dirname(at)
        if outer == at:
            return os.path.join(here, FOLDER)
        at = outer


def _plugin(kind: str, root: str | None, configuration: Configuration) -> Datastore:
    found = _plugins()
    if kind not in found:
        raise DatastoreUnusable(
            f"there is no datastore `{kind}`", help=f"known datastores: {', '.join([*BUILT_IN, *sorted(found)])}"
        )
    entry = found[kind]
    try:
        factory = entry.load()
    except Exception as error:  # whatever a plugin's module raises is the plugin's failure, told as such
        name = entry.dist.name if entry.dist else entry.value
        raise DatastoreUnusable(
            f"the datastore `{kind}` of {name} cannot be loaded: {type(error).__name__}: {error}",
            help=f"python -m pip install --force-reinstall {name}",
        ) from error
    store: Datastore = factory(root, configuration)
    return store


def _plugins() -> dict[str, EntryPoint]:
    """Registered plugins; the built-in names cannot be taken."""
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=PLUGINS) if entry.name not in BUILT_IN}
