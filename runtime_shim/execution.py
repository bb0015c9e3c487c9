"""One try of a task whose inputs are known: the user's code is called, and what it leaves behind is stored."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from penstock.runtime_shim.commit import commit_caught, commit_failure, commit_success
from penstock.runtime_shim.current import current
from penstock.runtime_shim.datastore.protocol import StorageFailure
from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY, EXIT_USER_FAILED, Failure
from penstock.runtime_shim.flowspec import attach, new_flow
from penstock.runtime_shim.inputs import Inputs
from penstock.runtime_shim.policy import policy_of
from penstock.runtime_shim.transitions import InvalidNext, Taken

if TYPE_CHECKING:
    from penstock.runtime_shim.commit import Ending
    from penstock.runtime_shim.flowspec import FlowSpec
    from penstock.runtime_shim.place import Place
    from penstock.runtime_shim.plan import PlannedStep
    from penstock.runtime_shim.policy import Catch, Policy


class FailureHandledByCatch(Exception):
    """What @catch stores for a task that was killed whenever its code ran: it raised nothing."""

    def __init__(self) -> None:
        super().__init__(
            "the task was ended from outside whenever its code ran, as by a lack of memory, a lost machine or a"
            " @timeout that it did not heed: its code raised no exception"
        )


class Try(NamedTuple):
    """``number`` counts from 0; from ``retries`` on the user's code is not run again when it fails."""

    number: int
    retries: int


def execute(ending: Ending, tried: Try) -> tuple[int, Taken | None]:
    """Call the user's function and commit what it leaves behind, its failure included.

    The exit code, and the transition it took, None where it failed.  Raises Failure.
    """
    flow = new_flow(ending.flow_class)
    attach(flow, ending.scope)
    policy = policy_of(ending.planned)
    if policy.catch is not None and policy.falls_back(*tried):
        return 0, _caught(flow, ending, FailureHandledByCatch(), policy.catch)
    try:
        try:
            taken = _call(flow, ending.planned, ending.place, policy)
        except Failure:
            raise
        except (Exception, SystemExit) as error:
            if policy.catch is not None and policy.is_last(*tried):
                return 0, _caught(flow, ending, error, policy.catch)
            commit_failure(flow, ending, error)
            return _user_failed(error), None
        commit_success(flow, ending, taken, None if policy.catch is None else policy.catch.var)
    except StorageFailure:
        raise  # what can't be stored can't be told there either
    except Failure as failure:
        # What is not tried again @catch takes at once.
        if policy.catch is not None and failure.exit_code == EXIT_DO_NOT_RETRY:
            return 0, _caught(flow, ending, failure, policy.catch)
        commit_failure(flow, ending, failure)
        raise
    return 0, taken


def _call(flow: FlowSpec, planned: PlannedStep, place: Place, policy: Policy) -> Taken:
    """Run the step's function.

    Raises whatever it raises, and InvalidNext where it ends without the transition it should take.
    """
    os.environ.update(policy.environment)
    if policy.timeout is None:
        _run(flow, planned, place)
    else:
        from penstock.runtime_shim.timeouts import limited

        with limited(planned.name, policy.timeout):
            _run(flow, planned, place)
    taken: Taken | None = vars(flow)["_penstock_scope"].taken
    if taken is not None:
        return taken
    if planned.kind != "stop":
        raise InvalidNext(f"step `{planned.name}` ended without self.next()", help="it is the last statement of a step")
    return Taken(())


def _run(flow: FlowSpec, planned: PlannedStep, place: Place) -> None:
    function = getattr(flow, planned.name)
    if planned.is_join:
        function(Inputs(type(flow), place.parents))
    else:
        function()


def _caught(flow: FlowSpec, ending: Ending, error: BaseException, catch: Catch) -> Taken:
    """Go on as if the step had ended, with the transition it always takes."""
    if catch.prints:
        from penstock.runtime_shim.reporting import user_traceback

        sys.stdout.write(f"@catch caught an exception from {flow}\n")
        sys.stdout.writelines(f">  {line}\n" for line in user_traceback(error).splitlines())
        sys.stdout.flush()
    taken = Taken(ending.planned.next)
    commit_caught(flow, ending, error, taken, catch.var)
    return taken


def _user_failed(error: BaseException) -> int:
    from penstock.runtime_shim.reporting import user_traceback

    pathspec = current.pathspec
    sys.stdout.flush()
    if isinstance(error, SystemExit):
        sys.stderr.write(f"{pathspec} failed: the step called sys.exit({error.code!r})\n")
    else:
        sys.stderr.write(f"{pathspec} failed:\n{user_traceback(error)}")
    sys.stderr.flush()
    return EXIT_USER_FAILED
