"""Map states: how many items at once, and the child executions of a Distributed Map."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from penstock.backends.step_functions.rehearsal.mends import Surroundings

_INLINE_AT_ONCE = 40
"""Iterations of an inline Map that AWS runs at once, whatever MaxConcurrency says."""
_DISTRIBUTED_AT_ONCE = 100
"""AWS runs up to 10,000 children at once; on one machine more threads than these gain nothing."""


def workers(_: Surroundings) -> None:
    """moto starts MaxConcurrency threads for each Map, however few its items, and one per item where that is not
    set.
    """
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
        distributed_iteration_component as distributed,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
        inline_iteration_component as inline,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import JobPool

    def run(component: Any, env: Any, eval_input: Any, items: list[Any], most: int) -> None:
        pool = JobPool(job_program=component._get_iteration_program(), job_inputs=items)
        for _ in range(min(len(items), eval_input.max_concurrency or most, most)):
            component._launch_worker(env=env, eval_input=eval_input, job_pool=pool)
        pool.await_jobs()
        error = pool.get_worker_exception()
        if error is not None:
            raise error
        env.stack.append([job.job_output for job in pool.get_closed_jobs()])

    def inline_body(self: Any, env: Any) -> None:
        eval_input = env.stack.pop()
        run(self, env, eval_input, eval_input.input_items, _INLINE_AT_ONCE)

    def map_run(self: Any, env: Any, eval_input: Any) -> None:
        items = env.stack.pop()
        eval_input.map_run_record.penstock_items = len(items)
        run(self, env, eval_input, items, _DISTRIBUTED_AT_ONCE)

    inline.InlineIterationComponent._eval_body = inline_body
    distributed.DistributedIterationComponent._map_run = map_run


def iterative_workers(_: Surroundings) -> None:
    """A worker takes one item after the other; moto calls itself for the next one and ends at Python's recursion
    limit.
    """
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import IterationWorker

    def eval_pool(self: Any, job: Any, worker_frame: Any) -> None:
        while job is not None:
            frame = worker_frame.open_inner_frame()
            self._eval_job(env=frame, job=job)
            worker_frame.close_frame(frame)
            failed = isinstance(job.job_output, Exception)
            following = None if failed or self.stopped() else self._job_pool.next_job()
            if following is None:
                # The owner's environment is to be complete before the last job is closed: the Map waits for jobs.
                worker_frame.event_history_context.source_event_id = frame.event_history_context.last_published_event_id
                self._env.close_frame(worker_frame)
            self._job_pool.close_job(job)
            job = following

    IterationWorker._eval_pool = eval_pool


def children(_: Surroundings) -> None:
    """Each item of a Distributed Map is an execution of its own: own history, own ``$$.Execution``; and a Map Run fails
    with States.ExceedToleratedFailureThreshold as soon as more items failed than are tolerated.

    moto gives the children the parent's context and one history together, and lets a Map Run succeed whatever failed.
    """
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import (
        distributed_item_processor_worker as processor,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iterator import (
        distributed_iterator_worker as iterator,
    )

    for worker in (processor.DistributedItemProcessorWorker, iterator.DistributedIteratorWorker):
        worker._eval_job = _eval_child
        del worker._eval_pool  # the mended one of IterationWorker, on a frame of its own:
        worker.eval = lambda self: self._eval_pool(self._job_pool.next_job(), self._env.open_frame())


def _eval_child(worker: Any, env: Any, job: Any) -> None:
    from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
    from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded
    from moto.stepfunctions.parser.asl.eval.states import ItemData, MapData

    record = worker._map_run_record
    counters = (record.item_counter, record.execution_counter)
    for counter in counters:
        counter.total.count()
        counter.running.count()
    context = env.states.context_object.context_object_data
    context["Map"] = MapData(Item=ItemData(Index=job.job_index, Value=job.job_input))
    job.job_output = None
    try:
        env.states.reset(input_value=job.job_input)
        worker._eval_input(env_frame=env)
        del context["Map"]  # only the item selector sees it
        context["Execution"] = _child_execution(context, record, env.states.get_input())
        env.event_manager = EventManager()
        env.event_manager.penstock_owner = env
        job.job_program.eval(env)
        succeeded = isinstance(env.program_state(), ProgramEnded)
        if succeeded:
            job.job_output = env.states.get_input()
    except Exception:  # the item selector failed: a failed item, as on AWS
        succeeded = False
    for counter in counters:
        counter.running.offset(-1)
        (counter.succeeded if succeeded else counter.failed).count()
    if not succeeded and _exceeds(record):
        job.job_output = _threshold_exceeded(env)


def _child_execution(context: Any, record: Any, given: Any) -> dict[str, Any]:
    name = str(uuid.uuid4())
    machine = record.map_run_arn.replace(":mapRun:", ":execution:").rpartition(":")[0]
    return {**context["Execution"], "Id": f"{machine}:{name}", "Name": name, "Input": given}


def _exceeds(record: Any) -> bool:
    """A limit of 0 is none of its own: without any, nothing is tolerated."""
    failed = record.item_counter.failed.get()
    count, percentage = record.tolerated_failure_count or 0, record.tolerated_failure_percentage or 0
    over_count: bool = failed > count
    over_percentage: bool = 100.0 * failed / max(1, record.penstock_items) > percentage
    if count and percentage:
        return over_count or over_percentage
    return over_percentage if percentage else over_count


def _threshold_exceeded(env: Any) -> Exception:
    from moto.stepfunctions.parser.api import ExecutionFailedEventDetails, HistoryEventType
    from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
        FailureEvent,
        FailureEventException,
    )
    from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

    name = "States.ExceedToleratedFailureThreshold"
    details = ExecutionFailedEventDetails(error=name, cause="The specified tolerated failure threshold was exceeded")
    event = FailureEvent(
        env=env,
        error_name=CustomErrorName(name),
        event_type=HistoryEventType.MapRunFailed,
        event_details=EventDetails(executionFailedEventDetails=details),
    )
    failure: Exception = FailureEventException(event)
    return failure


MENDS: tuple[Callable[[Surroundings], None], ...] = (workers, iterative_workers, children)
