"""A foreach: one task per item, `self.input` and `self.index` name it, `inputs` come back in the order of the items."""

from penstock import FlowSpec, step

EXPECTED = {
    "work/t.0": {"letter": "p", "place": 0, "shout": "P"},
    "work/t.3": {"letter": "s", "place": 3, "shout": "S"},
    "join/t": {"word": "PENS", "places": [0, 1, 2, 3], "outside": [None, None]},
    "end/t": {"word": "PENS"},
}


class ForeachFlow(FlowSpec):
    @step
    def start(self):
        self.letters = list("pens")
        self.next(self.work, foreach="letters")

    @step
    def work(self):
        self.letter = self.input
        self.place = self.index
        self.shout = self.letter.upper()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.word = "".join(task.shout for task in inputs)
        self.places = [task.place for task in inputs]
        self.outside = [self.index, self.input]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachFlow()
