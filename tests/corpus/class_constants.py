"""Class constants are artifacts of every step and pass joins, as parameters do; a private one is not an artifact."""

from penstock import FlowSpec, step

EXPECTED = {
    "start/t": {"RATE": 0.25, "names": ("ada", "grace")},
    "left/t": {"RATE": 0.25, "share": 0.5},
    "end/t": {"RATE": 0.25, "names": ("ada", "grace"), "total": 1.5},
}


class ClassConstantsFlow(FlowSpec):
    RATE = 0.25
    names = ("ada", "grace")

    @step
    def start(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.share = self.RATE * len(self.names)
        self.next(self.join)

    @step
    def right(self):
        self.share = 1.0
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(branch.share for branch in inputs)
        self.next(self.end)

    @step
    def end(self):
        assert self.RATE == 0.25


if __name__ == "__main__":
    ClassConstantsFlow()
