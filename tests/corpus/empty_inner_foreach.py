"""A foreach over nothing inside another one: its join runs with `inputs == []` and still knows where it stands."""

from penstock import FlowSpec, Parameter, step

EXPECTED = {
    "join_inner/t.0": {"results": [], "where": 0, "factor": 10},
    "join_inner/t.1": {"results": [10, 20], "where": 1, "factor": 10},
    "join_inner/t.2": {"results": [], "where": 2, "factor": 10},
    "end/t": {"results": [[], [10, 20], []]},
}


class EmptyInnerForeachFlow(FlowSpec):
    factor = Parameter("factor", default=10)

    @step
    def start(self):
        self.groups = [[], [1, 2], []]
        self.next(self.group, foreach="groups")

    @step
    def group(self):
        self.items = self.input
        self.next(self.item, foreach="items")

    @step
    def item(self):
        self.result = self.input * self.factor
        self.next(self.join_inner)

    @step
    def join_inner(self, inputs):
        self.results = [task.result for task in inputs]
        self.where = self.index
        self.next(self.join_outer)

    @step
    def join_outer(self, inputs):
        self.results = [task.results for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    EmptyInnerForeachFlow()
