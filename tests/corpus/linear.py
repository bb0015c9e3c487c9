"""The smallest flow worth the name: three steps in a line, each changes an artifact that the next one sees."""

from penstock import FlowSpec, step

EXPECTED = {
    "start/t": {"count": 1, "trail": ["start"]},
    "middle/t": {"count": 2, "trail": ["start", "middle"]},
    "end/t": {"count": 2, "trail": ["start", "middle"]},
}


class LinearFlow(FlowSpec):
    """Count twice."""

    @step
    def start(self):
        """Begin with one."""
        self.count = 1
        self.trail = ["start"]
        self.next(self.middle)

    @step
    def middle(self):
        self.count += 1
        self.trail = [*self.trail, "middle"]
        self.next(self.end)

    @step
    def end(self):
        assert self.count == 2


if __name__ == "__main__":
    LinearFlow()
