"""What AWS Step Functions can run, and the numbers it holds."""

from __future__ import annotations

from penstock.compiler.capabilities import Capabilities, Feature, Level, Limits, Support

NAME_LENGTH = 80
"""Characters of a state's, a state machine's, an execution's and a job's name."""
SCHEDULE_NAME_LENGTH = 64
"""Characters of a schedule's name."""
DEFINITION_BYTES = 1_048_576
"""Bytes of a state machine's definition."""
OVERRIDES_LENGTH = 8_192
"""Characters of a job's container overrides, names, values and JSON around them included."""


def _native(sentence: str) -> Support:
    return Support(Level.NATIVE, sentence)


CAPABILITIES = Capabilities(
    support={
        Feature.LINEAR: _native("A state per step."),
        Feature.BRANCHES: _native("A Parallel state."),
        Feature.FOREACH: _native("A Map state over the splits in the opener's record, 40 at a time."),
        Feature.NESTED_FOREACH: _native("Map states inside Map states."),
        Feature.FOREACH_IN_BRANCH: _native("A Map state inside a Parallel state."),
        Feature.BRANCH_IN_FOREACH: _native("A Parallel state inside a Map state."),
        Feature.EMPTY_FOREACH: _native("A Map state over an empty list succeeds at once."),
        Feature.PARAMETERS: _native("The input of the execution, stored as an object of the run."),
        Feature.SWITCH: _native("A Choice state over the record of the step that chooses."),
        Feature.LOOP: _native("A Choice state that points back."),
        Feature.CROSSING_BRANCHES: Support(
            Level.EMULATED, "Parallel states one after the other: a branch waits for all that its level waits for."
        ),
        Feature.RETRY: _native("Attempts of the Batch job, one after the other without a pause."),
        Feature.CATCH: _native("The job itself goes on; it has three more attempts for when it is killed."),
        Feature.TIMEOUT: _native("The job itself ends its processes; Batch's own timeout is two minutes later."),
        Feature.ENVIRONMENT: _native("Set by the job before the step's code runs, from the code package."),
        Feature.RESOURCES: _native("A job definition for each shape: vCPUs, memory, GPUs, shared memory."),
        Feature.SCHEDULE: _native("A schedule of EventBridge Scheduler, in its time zone."),
    },
    limits=Limits(name_length=NAME_LENGTH, document_bytes=DEFINITION_BYTES),
    ignored={"kubernetes": "It speaks to Kubernetes: say with @resources or @batch what a job needs."},
)
