"""A loop: a step goes back to an earlier one until it is content."""

from penstock import FlowSpec, step


class LoopFlow(FlowSpec):
    @step
    def start(self):
        self.turns = 0
        self.next(self.fit)

    @step
    def fit(self):
        self.turns += 1
        self.verdict = "again" if self.turns < 3 else "done"
        self.next({"again": self.fit, "done": self.end}, condition="verdict")

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LoopFlow()
