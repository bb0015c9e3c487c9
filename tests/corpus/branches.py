"""A static split of three: `inputs` of the join are in the order of `self.next`, and have the branches' names."""

from penstock import FlowSpec, step

EXPECTED = {
    "join/t": {"order": ["zeta", "alpha", "mid"], "by_name": 3, "joined": 6},
    "end/t": {"joined": 6},
}


class BranchesFlow(FlowSpec):
    @step
    def start(self):
        self.base = 1
        self.next(self.zeta, self.alpha, self.mid)

    @step
    def zeta(self):
        self.who, self.value = "zeta", self.base
        self.next(self.join)

    @step
    def alpha(self):
        self.who, self.value = "alpha", self.base + 1
        self.next(self.join)

    @step
    def mid(self):
        self.who, self.value = "mid", self.base + 2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.order = [branch.who for branch in inputs]
        self.by_name = inputs.mid.value
        self.joined = sum(branch.value for branch in inputs)
        self.next(self.end)

    @step
    def end(self):
        assert not hasattr(self, "base"), "a join passes on what it assigns, nothing else"


if __name__ == "__main__":
    BranchesFlow()
