"""A `match` chooses by patterns; what it binds and guards by stays inside of the step."""

from penstock import FlowSpec, step

EXPECTED = {
    "end/t": {"said": ["one of 1", "pair", "rest", "text"]},
}


class MatchArmsFlow(FlowSpec):
    @step
    def start(self):
        self.shapes = [[1], [2, 3], [], "word"]
        self.next(self.look, foreach="shapes")

    @step
    def look(self):
        self.shape = self.input
        match self.shape:
            case str():
                self.next(self.text)
            case [only] if only:
                self.said = f"one of {only}"
                self.next(self.close)
            case [_, _]:
                self.next(self.pair)
            case _:
                self.next(self.rest)

    @step
    def text(self):
        self.said = "text"
        self.next(self.close)

    @step
    def pair(self):
        self.said = "pair"
        self.next(self.close)

    @step
    def rest(self):
        self.said = "rest"
        self.next(self.close)

    @step
    def close(self):
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.said = [task.said for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MatchArmsFlow()
