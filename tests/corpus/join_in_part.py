"""A join collects some branches of a split, a later one what is left; one branch has nothing to do with them."""

from penstock import FlowSpec, step

EXPECTED = {
    "pair/t": {"total": 3},
    "more/t": {"total": 30},
    "join/t": {"all": [30, 4, 8]},
    "end/t": {"all": [30, 4, 8]},
}


class JoinInPartFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b, self.c, self.d)

    @step
    def a(self):
        self.total = 1
        self.next(self.pair)

    @step
    def b(self):
        self.total = 2
        self.next(self.pair)

    @step
    def c(self):
        self.total = 4
        self.next(self.join)

    @step
    def d(self):
        self.total = 7
        self.next(self.d_more)

    @step
    def d_more(self):
        self.total += 1
        self.next(self.join)

    @step
    def pair(self, inputs):
        self.total = sum(branch.total for branch in inputs)
        self.next(self.more)

    @step
    def more(self):
        self.total *= 10
        self.next(self.join)

    @step
    def join(self, inputs):
        self.all = [branch.total for branch in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    JoinInPartFlow()
