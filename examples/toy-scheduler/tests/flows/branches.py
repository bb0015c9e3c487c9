"""Branches inside a branch, and what a join sees of them."""

from penstock import FlowSpec, step


class BranchesFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.x = 1
        self.next(self.upper, self.lower)

    @step
    def upper(self):
        self.x += 10
        self.next(self.leftmost)

    @step
    def lower(self):
        self.x += 20
        self.next(self.leftmost)

    @step
    def leftmost(self, inputs):
        self.x = [branch.x for branch in inputs]
        self.next(self.all)

    @step
    def right(self):
        self.x = [2]
        self.next(self.all)

    @step
    def all(self, inputs):
        self.xs = [branch.x for branch in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BranchesFlow()
