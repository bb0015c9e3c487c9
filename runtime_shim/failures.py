"""What goes wrong at run time and is not the user's code: each failure is one sentence with a code (R1xx)."""

from __future__ import annotations

EXIT_USER_FAILED = 1
"""The user's code failed; the scheduler retries as the flow says."""
EXIT_DO_NOT_RETRY = 202
EXIT_RETRY_ALLOWED = 203


class Failure(Exception):
    """A sentence for the user, with a code, what to do, and the exit code of `step`.

    ``penstock explain CODE`` prints the page of ``code``.
    """

    code = "R100"
    exit_code = EXIT_DO_NOT_RETRY

    def __init__(self, message: str, *, help: str = "", code: str | None = None, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.code = code or type(self).code
        self.exit_code = type(self).exit_code if exit_code is None else exit_code

    def inside(self, pathspec: str) -> Failure:
        """This failure with the task it happened in, unless its sentence names the task already."""
        if pathspec not in self.message:
            self.message = f"{pathspec}: {self.message}"
        return self

    def __str__(self) -> str:
        lines = [f"error[{self.code}]: {self.message}"]
        if self.help:
            lines.append(f"  = help: {self.help}")
        return "\n".join(lines)


class InvalidName(Failure):
    """A name from outside (command line, environment, record, input-path file) that cannot be one."""

    code = "R101"
