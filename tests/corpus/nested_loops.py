"""A loop in a loop: the inner one begins at turn 0 again in every turn of the outer one."""

from penstock import FlowSpec, step

EXPECTED = {
    "inner/t.t0.t0": {"cells": ["0.0"]},
    "inner/t.t1.t2": {"cells": ["0.0", "0.1", "0.2", "1.0", "1.1", "1.2"]},
    "round_done/t.t1": {"row": 2},
    "end/t": {"cells": ["0.0", "0.1", "0.2", "1.0", "1.1", "1.2"]},
}


class NestedLoopsFlow(FlowSpec):
    @step
    def start(self):
        self.row = 0
        self.cells = []
        self.next(self.outer)

    @step
    def outer(self):
        self.column = 0
        self.next(self.inner)

    @step
    def inner(self):
        self.cells = [*self.cells, f"{self.row}.{self.column}"]
        self.column += 1
        self.more = "more" if self.column < 3 else "done"
        self.next({"more": self.inner, "done": self.round_done}, condition="more")

    @step
    def round_done(self):
        self.row += 1
        if self.row < 2:
            self.next(self.outer)
        else:
            self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NestedLoopsFlow()
