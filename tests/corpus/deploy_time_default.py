"""A default that is a function: called when the flow is run or deployed, with a context that names the parameter."""

from penstock import FlowSpec, JSONType, Parameter, step

EXPECTED = {
    "end/t": {
        "label": "DeployTimeDefaultFlow/label",
        "sizes": [1, 2, 4],
        "limit": 12,
        "summary": "DeployTimeDefaultFlow/label: 7 of 12",
    },
}


def label_of(context):
    """The flow's and the parameter's name: the user's differs from machine to machine."""
    return f"{context.flow_name}/{context.parameter_name}"


def sizes_of(context):
    """A JSON text, as Metaflow asks for of a `JSONType` default."""
    return "[1, 2, 4]"


class DeployTimeDefaultFlow(FlowSpec):
    label = Parameter("label", default=label_of)
    sizes = Parameter("sizes", default=sizes_of, type=JSONType)
    limit = Parameter("limit", default=lambda context: 12, type=int)

    @step
    def start(self):
        self.summary = f"{self.label}: {sum(self.sizes)} of {self.limit}"
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    DeployTimeDefaultFlow()
