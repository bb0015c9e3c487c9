"""A loop, which Mill can't run: it has to be refused, and not to be lowered to something else."""

from penstock import FlowSpec, step


class LoopFlow(FlowSpec):
    @step
    def start(self):
        self.n = 0
        self.next(self.turn)

    @step
    def turn(self):
        self.n += 1
        self.verdict = "on" if self.n < 3 else "out"
        self.next({"on": self.turn, "out": self.end}, condition="verdict")

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LoopFlow()
