"""`init`: the task that holds a run's parameters and class constants, which every other task descends from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from penstock.runtime_shim.datastore.opening import open_datastore, use_in_client
from penstock.runtime_shim.datastore.protocol import Datastore, Missing
from penstock.runtime_shim.datastore.tasks import TaskStore
from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.local_metadata import register_run
from penstock.runtime_shim.options import Options, UsageError, texts
from penstock.runtime_shim.parameters import attributes_of, parameters_of, resolve
from penstock.runtime_shim.paths import Path, checked_name
from penstock.runtime_shim.place import PARAMETERS
from penstock.runtime_shim.plans import find_plan
from penstock.runtime_shim.records import Record, input_key, plan_key
from penstock.runtime_shim.scope import STACK, constants_of

if TYPE_CHECKING:
    from penstock.runtime_shim.configuration import Configuration
    from penstock.runtime_shim.flowspec import FlowSpec
    from penstock.runtime_shim.plan import Plan

PARAMETERS_ENV = "PENSTOCK_PARAMETERS"
"""Environment variable with the run's parameters, a JSON object, for platforms that pass them so."""
LARGEST_INTEGER_ENV = "PENSTOCK_LARGEST_INTEGER"
"""Environment variable with the largest whole number that reaches a task exactly, on platforms that have one."""
INIT_PREFIX = "METAFLOW_INIT_"
"""``METAFLOW_INIT_<NAME>`` gives a parameter to `init`, the name in capitals with ``_`` for ``-``."""
START = "start"


class UnreadableInput(Failure):
    """The run's parameters are not a JSON object."""

    code = "R130"


class InexactParameter(Failure):
    """A whole number that the platform may have rounded."""

    code = "R135"


class Session(NamedTuple):
    """What one command works with."""

    flow_class: type[FlowSpec]
    configuration: Configuration
    store: Datastore
    tasks: TaskStore


def open_session(flow_class: type[FlowSpec], options: Options) -> Session:
    """The datastore that the options or the configuration name.

    Raises the failures of an unreadable profile and an unknown datastore.
    """
    from penstock.runtime_shim.configuration import Configuration

    configuration = Configuration.load()
    kind = options.datastore or configuration.get("METAFLOW_DEFAULT_DATASTORE") or "local"
    store = open_datastore(kind, options.datastore_root, configuration)
    use_in_client(store)
    return Session(flow_class, configuration, store, TaskStore(store, flow_class.__name__))


def run_init(
    flow_class: type[FlowSpec], options: Options, values: Mapping[str, object], parameters: Mapping[str, object]
) -> int:
    """The command `init --run-id R [--task-id T]`; returns the exit code.

    Parameters come from ``parameters`` (the command line) and METAFLOW_INIT_<NAME>, the former first.
    """
    if values.get("run_id") is None:
        raise UsageError("init: --run-id is required")
    run = checked_name(str(values["run_id"]), "run id")
    task = checked_name(str(values.get("task_id", Path().task_id)), "task id")
    session = open_session(flow_class, options)
    plan, stored = find_plan(flow_class, session.store, run)
    if not stored:
        store_plan(session, run, plan)
    given = {**_from_environment(flow_class), **parameters}
    initialize(session, run, task, plan, given, texts(values.get("tags")))
    return 0


def ensure_initialized(session: Session, run: str, plan: Plan, tags: Iterable[str]) -> None:
    """`init` inside the start task: its parameters come from PENSTOCK_PARAMETERS, else from the run's input object."""
    given = read_input(session, run)
    demand_exact(session.flow_class, given)
    initialize(session, run, Path().task_id, plan, given, tags)


def demand_exact(flow_class: type[FlowSpec], given: Mapping[str, object]) -> None:
    """No whole number may have become another one on its way: see :data:`LARGEST_INTEGER_ENV`.

    Raises InexactParameter.
    """
    largest = os.environ.get(LARGEST_INTEGER_ENV)
    for name, parameter in parameters_of(flow_class).items() if largest else ():
        value = given.get(name)
        if parameter.type_name == "int" and isinstance(value, (int, float)) and abs(value) > int(largest or 0):
            message = f"parameter `{name}` is beyond {largest}, up to which whole numbers reach a task as they are"
            raise InexactParameter(message, help="give it as a text parameter, and convert it in the step")


def initialize(
    session: Session, run: str, task: str, plan: Plan, given: Mapping[str, object], tags: Iterable[str]
) -> None:
    """Store the values of parameters and constants as the task ``_parameters/<task>``, unless that is done already.

    Raises InvalidParameters; storage failures.
    """
    flow_class = session.flow_class
    values = resolve(flow_class, given, plan.defaults)
    register_run(session.store, flow_class.__name__, run, tags, user=_user(session))
    writer = session.tasks.begin(run, PARAMETERS, task, path=None)
    if writer.already_done is not None:
        writer.rewrite()
        return
    attributes = {attribute: values[parameter.name] for attribute, parameter in attributes_of(flow_class).items()}
    writer.save({**attributes, **constants_of(flow_class), **_fresh(flow_class.__name__)})
    writer.commit(Record(run=run, path=Path(), next=(START,), splits=None, parents=()))


def store_plan(session: Session, run: str, plan: Plan) -> None:
    """Store the plan with the run, for `step` commands that are started without a code package."""
    session.store.put_if_absent(plan_key(session.flow_class.__name__, run), plan.to_json())


def read_input(session: Session, run: str) -> dict[str, object]:
    """The parameters given to a run that a scheduler started.

    Raises UnreadableInput where they are not a JSON object.
    """
    text = os.environ.get(PARAMETERS_ENV)
    where = f"the environment variable {PARAMETERS_ENV}"
    if text is None:
        key = input_key(session.flow_class.__name__, run)
        where = session.store.location(key)
        try:
            text = session.store.get(key).decode("utf-8", "replace")
        except Missing:
            return {}
    try:
        document = json.loads(text)
    except ValueError as error:
        raise UnreadableInput(f"the parameters in {where} are not JSON: {error}") from None
    if not isinstance(document, dict):
        raise UnreadableInput(f'the parameters in {where} are no JSON object, like {{"alpha": 1}}')
    return document


def _user(session: Session) -> str:
    from penstock.runtime_shim.identity import user_name

    return user_name(configured=session.configuration.get("METAFLOW_USER"))


def _from_environment(flow_class: type[FlowSpec]) -> dict[str, object]:
    found: dict[str, object] = {}
    for parameter in attributes_of(flow_class).values():
        text = os.environ.get(INIT_PREFIX + parameter.name.replace("-", "_").upper())
        if text is not None:
            found[parameter.name] = text
    return found


def _fresh(flow: str) -> dict[str, object]:
    return {
        "_exception": None,
        "_foreach_num_splits": None,
        STACK: [],
        "_foreach_var": None,
        "_success": True,
        "_task_ok": True,
        "_transition": None,
        "name": flow,
    }
