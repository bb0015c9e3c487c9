"""Starting and ending executions."""

from __future__ import annotations

import functools
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

from penstock.backends.step_functions.rehearsal.mends import Surroundings
from penstock.backends.step_functions.rehearsal.mends.limits import PAYLOAD_BYTES
from penstock.backends.step_functions.rehearsal.messages import ExecutionEnded

_EVENTS_PAGE, _MOST_EVENTS = 100, 1000
_NAME_LENGTH = 80
_FORBIDDEN = re.compile(r'[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]')


def executing(_: Surroundings) -> None:
    """By default moto takes executions and never runs them."""
    from moto.core.config import default_user_config

    default_user_config["stepfunctions"]["execute_state_machine"] = True


def parsing(_: Surroundings) -> None:
    """Nothing that AWS does differently: a definition is parsed once, when it is created, and not again for every
    execution; moto's grammar takes a second for 40 KB.
    """
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    AmazonStateLanguageParser.parse = staticmethod(functools.lru_cache(8)(AmazonStateLanguageParser.parse))


def starting(_: Surroundings) -> None:
    """StartExecution without a name makes one up, refuses names of more than 80 characters or with those that the API
    reference forbids, and input above 262,144 bytes.

    moto names such executions ``None`` and refuses the second one; it checks neither names nor input.
    """
    from moto.stepfunctions import exceptions
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend

    original = StepFunctionsParserBackend.start_execution

    def start(
        self: Any,
        state_machine_arn: str,
        name: str | None = None,
        execution_input: str | None = None,
        trace_header: str | None = None,
    ) -> Any:
        name = name or str(uuid.uuid4())
        if len(name) > _NAME_LENGTH or _FORBIDDEN.search(name):
            raise exceptions.InvalidName(f"Invalid Name: '{name}'")
        if execution_input and len(execution_input.encode()) > PAYLOAD_BYTES:
            raise exceptions.InvalidExecutionInput(f"Input exceeds the maximum of {PAYLOAD_BYTES} bytes")
        return original(self, state_machine_arn, name, execution_input, trace_header)

    StepFunctionsParserBackend.start_execution = start


def ending(surroundings: Surroundings) -> None:
    """The output of an execution is JSON text; moto leaves out the quotes where it is a string.

    Also tells the rehearsal that an execution ended, so that nobody has to ask.
    """
    from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication

    original = BaseExecutionWorkerCommunication.terminated

    def terminated(self: Any) -> None:
        original(self)
        execution = self.execution
        if isinstance(execution.output, str):
            execution.output = json.dumps(execution.output)
        status = str(getattr(execution.exec_status, "value", execution.exec_status))
        surroundings.outlet(ExecutionEnded(execution.exec_arn, status, execution.error, execution.cause))

    BaseExecutionWorkerCommunication.terminated = terminated


def histories(_: Surroundings) -> None:
    """GetExecutionHistory gives 100 events, or ``maxResults`` (1,000 at most), and a ``nextToken`` where there are
    more; with ``reverseOrder`` the newest comes first.

    moto gives all events and looks at none of these.
    """
    from moto.core.responses import ActionResult
    from moto.stepfunctions import responses
    from moto.stepfunctions.exceptions import InvalidToken

    def get_execution_history(self: Any) -> Any:
        given = self.stepfunction_backend.get_execution_history(self._get_param("executionArn"))
        token, most = self._get_param("nextToken"), int(self._get_param("maxResults") or _EVENTS_PAGE)
        backwards = bool(self._get_param("reverseOrder"))
        if token is not None and not re.fullmatch(r"after-[0-9]+", token):
            raise InvalidToken(f"Invalid Token: '{token}'")
        events = sorted(given["events"], key=lambda event: event["id"], reverse=backwards)
        if token is not None:
            last = int(token.removeprefix("after-"))
            events = [event for event in events if (event["id"] < last if backwards else event["id"] > last)]
        page = events[: min(most, _MOST_EVENTS)]
        more = {"nextToken": f"after-{page[-1]['id']}"} if len(page) < len(events) else {}
        return ActionResult({**given, "events": page, **more})

    responses.StepFunctionResponse.get_execution_history = get_execution_history


MENDS: tuple[Callable[[Surroundings], None], ...] = (executing, parsing, starting, ending, histories)
