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


MENDS: tuple[Callable[[Surroundings], None], ...] = (executing, parsing, starting, ending)
