"""A flow with many mistakes."""

from penstock import FlowSpec, Parameter, step


class TrainFlow(FlowSpec):
    rate = Parameter("rate", type=int, default="high")

    @step
    def name(self):
        self.next(train, self.trian)

    @step
    def train():
        yield 1

    @step
    def start(self):
        self.next(self.name)

    @step
    def end(self):
        pass
