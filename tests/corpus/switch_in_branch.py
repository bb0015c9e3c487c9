"""A branch of a split ends in one of several steps, or in none: each is one input of the join."""

from penstock import FlowSpec, step

EXPECTED = {
    "careful/t": {"speed": 1},
    "join/t": {"speeds": [1, 7], "names": [1, 7]},
    "end/t": {"speeds": [1, 7]},
}


class SwitchInBranchFlow(FlowSpec):
    @step
    def start(self):
        self.mood = "calm"
        self.next(self.left, self.right)

    @step
    def left(self):
        self.speed = 0
        self.next({"calm": self.careful, "wild": self.hasty, "none": self.join}, condition="mood")

    @step
    def careful(self):
        self.speed = 1
        self.next(self.join)

    @step
    def hasty(self):
        self.speed = 9
        self.next(self.join)

    @step
    def right(self):
        self.speed = 7
        if self.mood == "calm":
            self.next(self.join)
        else:
            self.next(self.slower)

    @step
    def slower(self):
        self.speed -= 1
        self.next(self.join)

    @step
    def join(self, inputs):
        self.speeds = [branch.speed for branch in inputs]
        self.names = [inputs[0].speed, inputs[1].speed]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchInBranchFlow()
