"""One join closes two splits at once: a split inside a branch that has no join of its own."""

from penstock import FlowSpec, step

EXPECTED = {
    "join/t": {"seen": {"one": 1, "two": 2, "three": 3}, "count": 3},
    "end/t": {"count": 3},
}


class JoinTwoSplitsFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.one, self.fork)

    @step
    def one(self):
        self.number = 1
        self.next(self.join)

    @step
    def fork(self):
        self.next(self.two, self.three)

    @step
    def two(self):
        self.number = 2
        self.next(self.join)

    @step
    def three(self):
        self.number = 3
        self.next(self.join)

    @step
    def join(self, inputs):
        self.seen = {"one": inputs.one.number, "two": inputs.two.number, "three": inputs.three.number}
        self.count = len(list(inputs))
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    JoinTwoSplitsFlow()
