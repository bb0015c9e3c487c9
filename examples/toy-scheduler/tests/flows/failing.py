"""A split that fails: the run does too, and nothing comes after it."""

from penstock import FlowSpec, step


class FailingFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1, 0, 2]
        self.next(self.divide, foreach="items")

    @step
    def divide(self):
        self.quotient = 6 // self.input
        self.next(self.all)

    @step
    def all(self, inputs):
        self.quotients = [each.quotient for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FailingFlow()
