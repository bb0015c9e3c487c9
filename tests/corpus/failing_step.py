"""A step whose code raises: exit code 1; what came before it stays readable, what follows never runs."""

from penstock import FlowSpec, step

FAILS_AT = "divide/t"

EXPECTED = {"start/t": {"divisor": 0}}


class FailingStepFlow(FlowSpec):
    @step
    def start(self):
        self.divisor = 0
        self.next(self.divide)

    @step
    def divide(self):
        self.before = "not stored: the attempt did not finish"
        self.quotient = 1 / self.divisor
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FailingStepFlow()
