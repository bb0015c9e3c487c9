"""`merge_artifacts`: equal values pass, `exclude` and `include` choose, a conflict is settled by assigning first."""

from penstock import FlowSpec, step

EXPECTED = {
    "merge_all/t": {"same": [1, 2], "only_left": "left", "only_right": "right", "both": 7, "conflict": "settled"},
    "merge_some/t": {"same": [1, 2], "both": 7, "dropped": True},
    "refused/t": {"names": "clash", "why": "UnhandledInMergeArtifactsException"},
    "end/t": {"names": "clash", "both": 7},
}


class MergesFlow(FlowSpec):
    @step
    def start(self):
        self.same = [1, 2]
        self.next(self.left, self.right)

    @step
    def left(self):
        self.only_left, self.both, self.conflict = "left", 7, "l"
        self.next(self.merge_all)

    @step
    def right(self):
        self.only_right, self.both, self.conflict = "right", 7, "r"
        self.next(self.merge_all)

    @step
    def merge_all(self, inputs):
        """`conflict` differs; being set before the merge, it is left alone."""
        self.conflict = "settled"
        self.merge_artifacts(inputs)
        self.next(self.again)

    @step
    def again(self):
        self.next(self.one, self.two)

    @step
    def one(self):
        self.conflict = "one"
        self.next(self.merge_some)

    @step
    def two(self):
        self.only_left = "changed"
        self.next(self.merge_some)

    @step
    def merge_some(self, inputs):
        self.merge_artifacts(inputs, exclude=["conflict", "only_left"])
        self.dropped = not hasattr(self, "conflict")
        self.next(self.last)

    @step
    def last(self):
        self.next(self.east, self.west)

    @step
    def east(self):
        self.clash = "e"
        self.next(self.refused)

    @step
    def west(self):
        self.clash = "w"
        self.next(self.refused)

    @step
    def refused(self, inputs):
        """A conflict that nobody settled names the artifact."""
        try:
            self.merge_artifacts(inputs)
        except Exception as error:
            self.why = type(error).__name__
            self.names = "clash" if "clash" in str(error) else str(error)
        self.merge_artifacts(inputs, include=["both"])
        self.next(self.end)

    @step
    def end(self):
        assert not hasattr(self, "same"), "`include` passes on nothing else"


if __name__ == "__main__":
    MergesFlow()
