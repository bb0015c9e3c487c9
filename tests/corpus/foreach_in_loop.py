"""Every turn opens a foreach of its own size, and joins it before it goes back."""

from penstock import FlowSpec, step

EXPECTED = {
    "spread/t.t1": {"items": [0]},
    "work/t.t0.1": {"done": "1 of turn 0"},
    "work/t.t1.0": {"done": "0 of turn 1"},
    "gather/t.t1": {"log": [["0 of turn 0", "1 of turn 0"], ["0 of turn 1"]], "turn": 2},
    "end/t": {"log": [["0 of turn 0", "1 of turn 0"], ["0 of turn 1"]]},
}


class ForeachInLoopFlow(FlowSpec):
    @step
    def start(self):
        self.turn = 0
        self.log = []
        self.next(self.spread)

    @step
    def spread(self):
        self.items = list(range(2 - self.turn))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.done = f"{self.input} of turn {self.turn}"
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.turn = inputs[0].turn + 1
        self.log = [*inputs[0].log, [task.done for task in inputs]]
        self.next(self.decide)

    @step
    def decide(self):
        if self.turn < 2:
            self.next(self.spread)
        else:
            self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachInLoopFlow()
