"""Joins collect branches of different splits; their inputs come in the order of the branches."""

from penstock import FlowSpec, step

EXPECTED = {
    "first/t": {"got": ["a1", "b1"]},
    "second/t": {"got": ["a2", "b2"]},
    "join/t": {"got": [["a1", "b1"], ["a2", "b2"]]},
    "end/t": {"got": [["a1", "b1"], ["a2", "b2"]]},
}


class CrossingBranchesFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.a1, self.a2)

    @step
    def b(self):
        self.next(self.b1, self.b2)

    @step
    def a1(self):
        self.name_of = "a1"
        self.next(self.first)

    @step
    def a2(self):
        self.name_of = "a2"
        self.next(self.second)

    @step
    def b1(self):
        self.name_of = "b1"
        self.next(self.first)

    @step
    def b2(self):
        self.name_of = "b2"
        self.next(self.second)

    @step
    def first(self, inputs):
        self.got = [branch.name_of for branch in inputs]
        self.next(self.join)

    @step
    def second(self, inputs):
        self.got = [inputs.a2.name_of, inputs.b2.name_of]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.got = [branch.got for branch in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    CrossingBranchesFlow()
