"""A split inside a branch, each with its own join, and branches of different length."""

from penstock import FlowSpec, step

EXPECTED = {
    "inner_join/t": {"trail": "start>outer>(left|right>further)"},
    "end/t": {"trail": "start>[start>outer>(left|right>further)|start>straight]"},
}


class NestedBranchesFlow(FlowSpec):
    @step
    def start(self):
        self.trail = "start"
        self.next(self.outer, self.straight)

    @step
    def outer(self):
        self.trail += ">outer"
        self.next(self.left, self.right)

    @step
    def left(self):
        self.mark = "left"
        self.next(self.inner_join)

    @step
    def right(self):
        self.mark = "right"
        self.next(self.further)

    @step
    def further(self):
        self.mark += ">further"
        self.next(self.inner_join)

    @step
    def inner_join(self, inputs):
        marks = "|".join(branch.mark for branch in inputs)
        self.trail = f"{inputs.left.trail}>({marks})"
        self.next(self.join)

    @step
    def straight(self):
        self.trail += ">straight"
        self.next(self.join)

    @step
    def join(self, inputs):
        self.trail = "start>[" + "|".join(branch.trail for branch in inputs) + "]"
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NestedBranchesFlow()
