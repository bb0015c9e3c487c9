"""A switch: one of two steps runs."""

from penstock import FlowSpec, step


class SwitchFlow(FlowSpec):
    @step
    def start(self):
        self.verdict = "small"
        self.next({"small": self.small, "large": self.large}, condition="verdict")

    @step
    def small(self):
        self.next(self.end)

    @step
    def large(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchFlow()
