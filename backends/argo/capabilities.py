"""What Argo Workflows can run, and the numbers it holds."""

from __future__ import annotations

from penstock.compiler.capabilities import Capabilities, Feature, Level, Limits, Support

MOST_LEVELS = 99
"""Templates inside of each other: Argo refuses the hundredth."""


def _native(sentence: str) -> Support:
    return Support(Level.NATIVE, sentence)


CAPABILITIES = Capabilities(
    support={
        Feature.LINEAR: _native("A task per step."),
        Feature.BRANCHES: _native("Tasks that depend on the same task."),
        Feature.FOREACH: _native("A template around the tasks of all splits, which stand there as a sequence."),
        Feature.NESTED_FOREACH: _native("Templates that use templates."),
        Feature.FOREACH_IN_BRANCH: _native("A template beside other tasks."),
        Feature.BRANCH_IN_FOREACH: _native("Tasks that depend on the same task, in the template of a split."),
        Feature.EMPTY_FOREACH: _native("A sequence of no tasks: the template around it succeeds at once."),
        Feature.PARAMETERS: _native("Arguments of the workflow."),
        Feature.SWITCH: _native("Tasks with conditions; what only some of the arms share stands in each."),
        Feature.LOOP: _native(
            "A template that uses itself: up to about a hundred turns, and a step that asks for more is told."
        ),
        Feature.CROSSING_BRANCHES: _native("Tasks that depend on tasks of several branches."),
        Feature.RETRY: _native("A retry strategy, with an expression that reads the exit code."),
        Feature.CATCH: _native("The container itself goes on; it has three more tries for when it is killed."),
        Feature.TIMEOUT: _native(
            "The container itself ends its processes; the pod's own deadline is two minutes later."
        ),
        Feature.ENVIRONMENT: _native("Set by the container before the step's code runs, from the code package."),
        Feature.RESOURCES: _native("A template for each shape: CPUs, memory, GPUs, shared memory, disk."),
        Feature.SCHEDULE: _native("A CronWorkflow, in its time zone."),
    },
    limits=Limits(),
    ignored={"batch": "It speaks to AWS Batch: say with @resources or @kubernetes what a pod needs."},
)
