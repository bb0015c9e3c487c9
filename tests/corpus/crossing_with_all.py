"""Crossing branches in a foreach, with a foreach, a switch and a loop inside of them."""

from penstock import FlowSpec, step

EXPECTED = {
    "cell/t.1.2": {"value": 12},
    "turn/t.1.t2": {"turns": 3},
    "first/t.0": {"value": (1, "odd")},
    "second/t.1": {"value": (3, "even")},
    "join/t.1": {"value": [(33, "even"), (3, "even")]},
    "end/t": {"values": [[(1, "odd"), (3, "odd")], [(33, "even"), (3, "even")]]},
}


class CrossingWithAllFlow(FlowSpec):
    @step
    def start(self):
        self.bases = [-9, 10]
        self.next(self.fork, foreach="bases")

    @step
    def fork(self):
        self.base = self.input
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.wide, self.turn)

    @step
    def wide(self):
        self.cells = [0, 1, 2] if self.base > 0 else [10]
        self.next(self.cell, foreach="cells")

    @step
    def cell(self):
        self.value = self.base + self.input
        self.next(self.cells_done)

    @step
    def cells_done(self, inputs):
        self.value = sum(task.value for task in inputs)
        self.next(self.first)

    @step
    def turn(self):
        self.turns = getattr(self, "turns", 0) + 1
        self.go_on = self.turns < 3
        self.next({True: self.turn, False: self.second}, condition="go_on")

    @step
    def right(self):
        self.next(self.parity, self.copy)

    @step
    def parity(self):
        self.kind = "even" if self.base % 2 == 0 else "odd"
        self.next({"even": self.is_even, "odd": self.is_odd}, condition="kind")

    @step
    def is_even(self):
        self.next(self.first)

    @step
    def is_odd(self):
        self.next(self.first)

    @step
    def copy(self):
        self.kind = "even" if self.base % 2 == 0 else "odd"
        self.next(self.second)

    @step
    def first(self, inputs):
        self.value = (inputs[0].value, inputs[1].kind)
        self.next(self.join)

    @step
    def second(self, inputs):
        self.value = (inputs.turn.turns, inputs.copy.kind)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.value = [branch.value for branch in inputs]
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.values = [task.value for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    CrossingWithAllFlow()
