"""The last statement of a step may be an `if`: each arm ends in a `self.next`, and nested ones count as arms."""

from penstock import FlowSpec, step

EXPECTED = {
    "large/t.0": {"found": "large"},
    "middle/t.1": {"found": "middle"},
    "small/t.2": {"found": "small"},
    "end/t": {"found": ["large", "middle", "small", "below"]},
}


class IfElseFlow(FlowSpec):
    @step
    def start(self):
        self.numbers = [120, 40, 3, -7]
        self.next(self.sort, foreach="numbers")

    @step
    def sort(self):
        number = self.input
        if number > 100:
            self.next(self.large)
        elif number > 10:
            self.next(self.middle)
        else:
            if number < 0:
                self.next(self.below)
            elif number > 0:
                self.next(self.small)
            else:
                raise ValueError("nothing to sort")

    @step
    def large(self):
        self.found = "large"
        self.next(self.collect)

    @step
    def middle(self):
        self.found = "middle"
        self.next(self.collect)

    @step
    def small(self):
        self.found = "small"
        self.next(self.collect)

    @step
    def below(self):
        self.found = "below"
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.found = [task.found for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    IfElseFlow()
