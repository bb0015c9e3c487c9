"""The Distributed Maps of an execution: how many of their iterations are over, and why one failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class Iterations(NamedTuple):
    """How many iterations of the Map ``state`` there are, and how they are doing; each is an execution of its own."""

    state: str
    total: int
    running: int
    succeeded: int
    failed: int


class MapRuns:
    """The Map Runs that were begun and are not known to be over."""

    def __init__(self, states: SFNClient) -> None:
        self._states = states
        self._open: dict[str, str] = {}
        self._failed: list[str] = []

    def add(self, arn: str, state: str) -> None:
        """A Map Run began."""
        self._open[arn] = state

    def look(self) -> Iterations | None:
        """Ask AWS about the one that was not asked about for longest; None where there is none.

        Raises what botocore raises.
        """
        arn = next(iter(self._open), None)
        if arn is None:
            return None
        described: Any = self._states.describe_map_run(mapRunArn=arn)
        state = self._open.pop(arn)
        if described["status"] == "RUNNING":
            self._open[arn] = state  # behind the others
        elif described["status"] == "FAILED":
            self._failed.append(arn)
        counts: Mapping[str, int] = described["itemCounts"]
        failed = counts["failed"] + counts["timedOut"] + counts["aborted"]
        return Iterations(state, counts["total"], counts["running"], counts["succeeded"], failed)

    def failed_iteration(self) -> str | None:
        """The ARN of an execution that failed inside of a Map Run; None where there is none.

        Raises what botocore raises.
        """
        for arn in (*self._failed, *self._open):
            request: Any = {"mapRunArn": arn, "statusFilter": "FAILED", "maxResults": 1}
            for child in self._states.list_executions(**request)["executions"]:
                return str(child["executionArn"])
        return None
