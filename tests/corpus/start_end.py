"""The shortest flow there is: `start` and `end`, one artifact."""

from penstock import FlowSpec, step

EXPECTED = {"start/t": {"greeting": "hello"}, "end/t": {"greeting": "hello"}}


class StartEndFlow(FlowSpec):
    @step
    def start(self):
        self.greeting = "hello"
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    StartEndFlow()
