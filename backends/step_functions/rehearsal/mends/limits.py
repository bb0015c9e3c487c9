"""Quotas of Step Functions that moto does not hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from penstock.backends.step_functions.rehearsal.mends import Surroundings
from penstock.backends.step_functions.rehearsal.mends.replacing import replace_everywhere

DEFINITION_BYTES = 1_048_576
PAYLOAD_BYTES = 262_144
"""Input, output and result of a state, as UTF-8 text of JSON."""


def payload(_: Surroundings) -> None:
    """A payload may have 262,144 bytes of UTF-8; moto counts spaces and escapes that AWS does not write, and
    refuses the last byte.
    """
    from moto.stepfunctions.parser import quotas

    def is_within(value: Any) -> bool:
        text = (
            value
            if isinstance(value, str)
            else json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
        )
        return len(text.encode()) <= PAYLOAD_BYTES

    replace_everywhere(quotas.is_within_size_quota, is_within)


def definition(_: Surroundings) -> None:
    """CreateStateMachine refuses a definition above 1 MB, and one with missing or unreachable states or with task
    parameters that the service does not know; moto takes the first two and finds the third when the state runs.
    """
    from moto.core.exceptions import AWSError
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend

    from penstock.backends.step_functions.validation import problems

    class InvalidDefinition(AWSError):  # type: ignore[misc] # moto's own is not an HTTP answer
        """What CreateStateMachine answers."""

        TYPE = "InvalidDefinition"
        STATUS = 400

    def validate(definition: str) -> None:
        found = problems(definition)
        if found:
            raise InvalidDefinition("Invalid State Machine Definition: " + "; ".join(map(str, found[:20])))
        try:
            AmazonStateLanguageParser.parse(definition)
        except Exception as error:  # moto's parser raises whatever its parts raise
            raise InvalidDefinition(f"Invalid State Machine Definition: {error!r}") from error

    StepFunctionsParserBackend._validate_definition = staticmethod(validate)


def history(surroundings: Surroundings) -> None:
    """An execution whose history reaches 25,000 events fails, and nothing in it can catch that; moto counts for ever.

    Each child of a Distributed Map has a history of its own (:mod:`.maps` gives it one).
    """
    from moto.stepfunctions.parser.api import ExecutionFailedEventDetails, HistoryEventType
    from moto.stepfunctions.parser.asl.eval.environment import Environment
    from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager

    limit = surroundings.options.history_limit
    last = {
        HistoryEventType.ExecutionFailed,
        HistoryEventType.ExecutionAborted,
        HistoryEventType.ExecutionTimedOut,
        HistoryEventType.ExecutionSucceeded,
    }
    original_init, original_add = Environment.__init__, EventManager.add_event

    def init(self: Any, *positional: Any, **named: Any) -> None:
        original_init(self, *positional, **named)
        self.event_manager.penstock_owner = self

    def add_event(self: Any, context: Any, event_type: Any, *positional: Any, **named: Any) -> int:
        if self._event_id_gen._next_id >= limit and event_type not in last:
            self.penstock_owner.set_error(
                ExecutionFailedEventDetails(
                    error="States.Runtime",
                    cause=f"The execution reached the maximum number of history events ({limit}).",
                )
            )
            published: int = context.last_published_event_id
            return published
        added: int = original_add(self, context, event_type, *positional, **named)
        return added

    Environment.__init__ = init
    EventManager.add_event = add_event


def first_error(_: Surroundings) -> None:
    """The error that ends an execution is the one that it reports; in moto what unwinds afterwards takes its place."""
    from moto.stepfunctions.parser.asl.eval.environment import Environment
    from moto.stepfunctions.parser.asl.eval.program_state import ProgramError

    original = Environment.set_error

    def set_error(self: Any, error: Any) -> None:
        if not isinstance(self._program_state, ProgramError):
            original(self, error)

    Environment.set_error = set_error


MENDS: tuple[Callable[[Surroundings], None], ...] = (payload, definition, history, first_error)
