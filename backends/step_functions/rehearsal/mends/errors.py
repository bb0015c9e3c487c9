"""Names of errors, and which retriers and catchers match them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.backends.step_functions.rehearsal.mends import Surroundings

_TERMINAL = ("States.DataLimitExceeded", "States.Runtime")


def names_through_containers(_: Surroundings) -> None:
    """An error of an item or a branch keeps its name when the Map or Parallel around it fails.

    moto wraps it as a custom name and refuses ``States.`` there, so that ``States.TaskFailed`` in a Map became
    ``States.Runtime``, which no catcher around the Map sees.
    """
    from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName

    def init(self: Any, error_name: str | None) -> None:
        ErrorName.__init__(self, error_name=error_name)

    CustomErrorName.__init__ = init


def wildcards(_: Surroundings) -> None:
    """``States.ALL`` matches everything but States.DataLimitExceeded and States.Runtime, ``States.TaskFailed``
    those, and not States.Timeout either (AWS, "Error names").  moto lets States.ALL catch the terminal ones.
    """
    from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl

    def eval_body(self: Any, env: Any) -> None:
        error = env.stack.pop()
        name = error.error_name if error is not None else None
        listed = {each.error_name for each in self.error_names}
        wild = "States.ALL" in listed or ("States.TaskFailed" in listed and name != "States.Timeout")
        env.stack.append(name in listed or (wild and name not in _TERMINAL))

    ErrorEqualsDecl._eval_body = eval_body


def choice_without_match(_: Surroundings) -> None:
    """A Choice of which no rule matches and that has no Default fails with States.NoChoiceMatched; in moto with
    States.Runtime.
    """
    from moto.stepfunctions.parser.api import ExecutionFailedEventDetails, HistoryEventType
    from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
        FailureEvent,
        FailureEventException,
    )
    from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
    from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

    original = StateChoice._eval_state

    def eval_state(self: Any, env: Any) -> None:
        try:
            original(self, env)
        except RuntimeError as error:
            if "No branching option" not in str(error):
                raise
            name = "States.NoChoiceMatched"
            details = ExecutionFailedEventDetails(error=name, cause=f"No choice matched in state {self.name}")
            raise FailureEventException(
                FailureEvent(
                    env=env,
                    error_name=CustomErrorName(name),
                    event_type=HistoryEventType.ExecutionFailed,
                    event_details=EventDetails(executionFailedEventDetails=details),
                )
            ) from error

    StateChoice._eval_state = eval_state


MENDS: tuple[Callable[[Surroundings], None], ...] = (names_through_containers, wildcards, choice_without_match)
