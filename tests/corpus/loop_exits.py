"""A loop with two ways out and a step that goes back by itself; the arms after it meet."""

from penstock import FlowSpec, step

EXPECTED = {
    "attempt/t.t2": {"level": 2},
    "repair/t.t0": {"notes": ["repaired 0"]},
    "repair/t.t1": {"notes": ["repaired 0", "repaired 1"]},
    "celebrate/t": {"notes": ["repaired 0", "repaired 1", "done"]},
    "end/t": {"notes": ["repaired 0", "repaired 1", "done", "end"]},
}


class LoopExitsFlow(FlowSpec):
    @step
    def start(self):
        self.level = -1
        self.notes = []
        self.next(self.attempt)

    @step
    def attempt(self):
        self.level += 1
        if self.level > 5:
            self.next(self.give_up)
        else:
            self.next(self.judge)

    @step
    def judge(self):
        self.verdict = "good" if self.level == 2 else "bad"
        self.next({"bad": self.repair, "good": self.celebrate, "hopeless": self.give_up}, condition="verdict")

    @step
    def repair(self):
        self.notes = [*self.notes, f"repaired {self.level}"]
        self.next(self.attempt)

    @step
    def celebrate(self):
        self.notes = [*self.notes, "done"]
        self.next(self.tidy)

    @step
    def give_up(self):
        self.notes = [*self.notes, "gave up"]
        self.next(self.tidy)

    @step
    def tidy(self):
        self.notes = [*self.notes, "end"]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LoopExitsFlow()
