"""The code package of a task."""

from __future__ import annotations

import io
import tarfile

from penstock.runtime_shim.client.failures import NotFound
from penstock.runtime_shim.datastore.protocol import Datastore, Missing
from penstock.runtime_shim.records import blob_key


class Code:
    """What a task ran in its container: the flow file and what was packed with it."""

    def __init__(self, store: Datastore, flow: str, sha: str, script: str | None) -> None:
        self.sha = sha
        self.script_name = script
        self._store = store
        self._key = blob_key(flow, sha)

    @property
    def path(self) -> str:
        """Where the package is stored."""
        return self._store.location(self._key)

    @property
    def tarball(self) -> tarfile.TarFile:
        """The package.

        Raises NotFound where it is stored no more.
        """
        try:
            data = self._store.get(self._key)
        except Missing as error:
            raise NotFound(f"the code package {self.sha} is not in {self._store.root}") from error
        return tarfile.open(fileobj=io.BytesIO(data), mode="r:*")

    @property
    def flowspec(self) -> str:
        """The source text of the flow file.

        Raises NotFound where the package does not hold it.
        """
        with self.tarball as package:
            names = [name for name in package.getnames() if name.rpartition("/")[2] == self.script_name]
            member = package.extractfile(min(names, key=len)) if names else None
            if member is None:
                raise NotFound(f"the code package {self.sha} has no file {self.script_name}")
            return member.read().decode()

    def __repr__(self) -> str:
        return f"<code package {self.sha} of {self.script_name}>"
