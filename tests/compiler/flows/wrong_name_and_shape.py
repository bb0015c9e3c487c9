"""A flow whose split is not joined, one branch of which has a name that is not allowed."""

from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.B)

    @step
    def a(self):
        self.next(self.end)

    @step
    def B(self):
        self.next(self.end)

    @step
    def end(self):
        pass
