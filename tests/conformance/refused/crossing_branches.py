"""Crossing branches: joins collect steps of different splits."""

from penstock import FlowSpec, step


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
        self.next(self.first)

    @step
    def a2(self):
        self.next(self.second)

    @step
    def b1(self):
        self.next(self.first)

    @step
    def b2(self):
        self.next(self.second)

    @step
    def first(self, inputs):
        self.next(self.both)

    @step
    def second(self, inputs):
        self.next(self.both)

    @step
    def both(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    CrossingBranchesFlow()
