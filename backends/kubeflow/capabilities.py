"""What Kubeflow Pipelines can run, and the numbers it holds."""

from __future__ import annotations

from penstock.compiler.capabilities import Capabilities, Feature, Level, Limits, Support


def _native(sentence: str) -> Support:
    return Support(Level.NATIVE, sentence)


def _emulated(sentence: str) -> Support:
    return Support(Level.EMULATED, sentence)


CAPABILITIES = Capabilities(
    support={
        Feature.LINEAR: _native("A task per step."),
        Feature.BRANCHES: _native("Tasks that depend on the same task."),
        Feature.FOREACH: _native("A loop over the splits that the opener's task puts out."),
        Feature.NESTED_FOREACH: _native("Loops inside the pipelines of loops."),
        Feature.FOREACH_IN_BRANCH: _native("A loop beside other tasks."),
        Feature.BRANCH_IN_FOREACH: _native("Tasks that depend on the same task, inside a loop."),
        Feature.EMPTY_FOREACH: _native("A loop over an empty list succeeds at once."),
        Feature.PARAMETERS: _native("Inputs of the pipeline."),
        Feature.SWITCH: _emulated(
            "A pipeline around the arms, each with a condition; what only some of the arms share stands in each."
        ),
        Feature.LOOP: Support(Level.NEVER, "A pipeline has no way back to an earlier task."),
        Feature.CROSSING_BRANCHES: _native("Tasks that depend on tasks of several branches."),
        Feature.RETRY: _emulated(
            "The container itself tries again, in loops too; outside of loops a pod that was lost is started again."
        ),
        Feature.CATCH: _native("The container itself goes on."),
        Feature.TIMEOUT: _native(
            "The container itself ends its processes; the pod's own deadline is two minutes later."
        ),
        Feature.ENVIRONMENT: _native("Set by the container before the step's code runs, from the code package."),
        Feature.RESOURCES: _native("An executor for each shape: CPUs, memory, GPUs."),
        Feature.SCHEDULE: _native("A recurring run, made by `kfp create-schedule`."),
    },
    limits=Limits(),
    ignored={"batch": "It speaks to AWS Batch: say with @resources or @kubernetes what a pod needs."},
)
