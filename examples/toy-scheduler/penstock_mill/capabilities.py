"""What Mill can do: an answer, and a sentence for the user, for every feature of a flow."""

from __future__ import annotations

from penstock.compiler.capabilities import Capabilities, Feature, Level, Limits, Support

CAPABILITIES = Capabilities(
    {
        Feature.LINEAR: Support(Level.NATIVE, "A job per step."),
        Feature.BRANCHES: Support(Level.NATIVE, "Lists of jobs that are worked through together."),
        Feature.FOREACH: Support(Level.NATIVE, "A list that is worked through once for each number in a job's note."),
        Feature.NESTED_FOREACH: Support(Level.NATIVE, "Such lists inside each other."),
        Feature.FOREACH_IN_BRANCH: Support(Level.NATIVE, "Such a list beside others."),
        Feature.BRANCH_IN_FOREACH: Support(Level.NATIVE, "Lists that are worked through together, inside such a list."),
        Feature.EMPTY_FOREACH: Support(Level.NATIVE, "A list for no numbers is done at once."),
        Feature.PARAMETERS: Support(Level.NATIVE, "What is given to a sheet, in a variable of its jobs."),
        Feature.SWITCH: Support(Level.NATIVE, "A choice between lists by a job's note."),
        Feature.LOOP: Support(Level.NEVER, "A sheet is worked through from top to bottom."),
        Feature.CROSSING_BRANCHES: Support(Level.NOT_YET, "It could be done as lists one after the other."),
        Feature.RETRY: Support(Level.NATIVE, "The job is started again, after the pause."),
        Feature.CATCH: Support(Level.NATIVE, "The job itself goes on with the exception."),
        Feature.TIMEOUT: Support(Level.NATIVE, "The job itself ends its processes."),
        Feature.ENVIRONMENT: Support(Level.NATIVE, "Set by the job before the step's code runs."),
        Feature.RESOURCES: Support(Level.EMULATED, "A job has what its machine has."),
        Feature.SCHEDULE: Support(Level.NEVER, "Mill has no clock: something else has to start the sheet."),
    },
    Limits(nesting=10),
    ignored={
        "batch": "Mill has machines of its own.",
        "kubernetes": "Mill has no pods.",
    },
)
