"""What the Client cannot find or may not show."""

from __future__ import annotations

from penstock.runtime_shim.failures import EXIT_USER_FAILED, Failure


class ClientFailure(Failure):
    """Something asked of the Client in a user's program."""

    exit_code = EXIT_USER_FAILED


class NotFound(ClientFailure):
    """No such flow, run, step, task or artifact in the datastore."""

    code = "R161"


class NamespaceMismatch(ClientFailure):
    """It exists, in another namespace than the current one."""

    code = "R162"


class InvalidPathspec(ClientFailure):
    """A pathspec with too many or too few parts, or with a part that cannot be a name."""

    code = "R163"
