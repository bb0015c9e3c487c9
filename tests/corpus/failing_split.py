"""One item of a foreach fails: the others may finish, the join never runs."""

from penstock import FlowSpec, step

FAILS_AT = "check/t.1"

EXPECTED = {"start/t": {"numbers": [2, 3, 4]}}


class FailingSplitFlow(FlowSpec):
    @step
    def start(self):
        self.numbers = [2, 3, 4]
        self.next(self.check, foreach="numbers")

    @step
    def check(self):
        if self.input == 3:
            raise ValueError(f"{self.input} is odd: überraschend 🌊")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FailingSplitFlow()
