"""``current``: where the running task stands, for user code and libraries."""

from __future__ import annotations

from typing import Any


class Current:
    """The task that this process runs.

    Outside a task every property is None, as in Metaflow; only ``is_running_flow`` is False and
    ``parameter_names`` raises AttributeError.
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    @property
    def is_running_flow(self) -> bool:
        """Whether a step is running in this process."""
        return bool(self._values)

    @property
    def flow_name(self) -> str | None:
        """The name of the flow's class."""
        return self._values.get("flow_name")

    @property
    def run_id(self) -> str | None:
        """The id of the run."""
        return self._values.get("run_id")

    @property
    def step_name(self) -> str | None:
        """The name of the step."""
        return self._values.get("step_name")

    @property
    def task_id(self) -> str | None:
        """The id of the task."""
        return self._values.get("task_id")

    @property
    def retry_count(self) -> int | None:
        """How many times the platform has tried this task before: 0 at the first try."""
        return self._values.get("retry_count")

    @property
    def origin_run_id(self) -> str | None:
        """The run that this one was resumed from, None for an ordinary run."""
        return self._values.get("origin_run_id")

    @property
    def namespace(self) -> str | None:
        """The namespace of the run: ``user:<name>`` unless it was given."""
        return self._values.get("namespace")

    @property
    def username(self) -> str | None:
        """Who runs the flow."""
        return self._values.get("username")

    @property
    def tags(self) -> frozenset[str] | None:
        """The tags given on the command line of this task."""
        return self._values.get("tags")

    @property
    def pathspec(self) -> str | None:
        """``Flow/run/step/task``."""
        parts = (self.flow_name, self.run_id, self.step_name, self.task_id)
        return "/".join(str(part) for part in parts) if self._values else None

    @property
    def parameter_names(self) -> list[str]:
        """The attributes that are parameters.

        Raises AttributeError outside a task.
        """
        if not self._values:
            raise AttributeError  # __getattr__ says the rest
        return list(self._values["parameter_names"])

    def __getattr__(self, name: str) -> Any:
        hint = "" if self.__dict__.get("_values") else " (no step is running in this process)"
        raise AttributeError(f"`current` has no attribute `{name}`{hint}")

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def get(self, name: str, default: Any = None) -> Any:
        """The property ``name``, or ``default`` where there is none."""
        return getattr(self, name, default)

    def enter(self, **values: Any) -> None:
        """Say which task runs; the runner calls it before user code."""
        self._values = values

    def leave(self) -> None:
        """The task is over."""
        self._values = {}


current = Current()
"""The one instance that user code imports."""
