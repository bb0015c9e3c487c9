"""A foreach over nothing that holds another foreach: both bodies are skipped, parameters and constants still arrive."""

from penstock import FlowSpec, Parameter, step

EXPECTED = {
    "join_outer/t": {"number": 0, "label": "kept", "CONSTANT": 4},
    "end/t": {"number": 0, "label": "kept", "CONSTANT": 4},
}


class EmptyOuterForeachFlow(FlowSpec):
    label = Parameter("label", default="kept")
    CONSTANT = 4

    @step
    def start(self):
        self.groups = []
        self.lost = "not passed on by the join"
        self.next(self.group, foreach="groups")

    @step
    def group(self):
        self.items = self.input
        self.next(self.item, foreach="items")

    @step
    def item(self):
        self.next(self.join_inner)

    @step
    def join_inner(self, inputs):
        self.next(self.join_outer)

    @step
    def join_outer(self, inputs):
        self.merge_artifacts(inputs)
        self.number = len(list(inputs))
        self.next(self.end)

    @step
    def end(self):
        assert not hasattr(self, "lost")


if __name__ == "__main__":
    EmptyOuterForeachFlow()
