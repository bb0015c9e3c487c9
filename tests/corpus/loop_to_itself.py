"""A step chooses itself until it has had enough."""

from penstock import FlowSpec, step

EXPECTED = {
    "count/t.t0": {"number": 1},
    "count/t.t4": {"number": 5, "enough": "yes"},
    "after/t": {"number": 50},
    "end/t": {"number": 50},
}


class LoopToItselfFlow(FlowSpec):
    @step
    def start(self):
        self.number = 0
        self.next(self.count)

    @step
    def count(self):
        self.number += 1
        self.enough = "yes" if self.number == 5 else "no"
        self.next({"no": self.count, "yes": self.after}, condition="enough")

    @step
    def after(self):
        self.number *= 10
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LoopToItselfFlow()
