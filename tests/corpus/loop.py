"""Two steps run until a switch lets them out: every turn is a task of its own, with what the turn before left."""

from penstock import FlowSpec, step

EXPECTED = {
    "fit/t.t0": {"loss": 8.0, "seen": [0]},
    "score/t.t0": {"verdict": "again"},
    "fit/t.t3": {"loss": 1.0, "seen": [0, 1, 2, 3]},
    "score/t.t3": {"verdict": "good"},
    "end/t": {"loss": 1.0, "seen": [0, 1, 2, 3], "first": 16.0},
}


class LoopFlow(FlowSpec):
    @step
    def start(self):
        self.loss = self.first = 16.0
        self.seen = []
        self.next(self.fit)

    @step
    def fit(self):
        self.loss /= 2
        self.seen = [*self.seen, len(self.seen)]
        self.next(self.score)

    @step
    def score(self):
        self.verdict = "again" if self.loss > 1 else "good"
        self.next({"again": self.fit, "good": self.end}, condition="verdict")

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LoopFlow()
