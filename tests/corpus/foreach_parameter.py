"""A foreach straight over a parameter, and over a constant of the class."""

from penstock import FlowSpec, JSONType, Parameter, step

EXPECTED = {
    "square/t.2": {"result": 25},
    "letter/t.1": {"result": "B"},
    "end/t": {"results": [9, 16, 25], "letters": ["A", "B"]},
}


class ForeachParameterFlow(FlowSpec):
    LETTERS = ("a", "b")

    numbers = Parameter("numbers", type=JSONType, default="[3, 4, 5]")

    @step
    def start(self):
        self.next(self.square, foreach="numbers")

    @step
    def square(self):
        self.result = self.input**2
        self.next(self.squares)

    @step
    def squares(self, inputs):
        self.results = [task.result for task in inputs]
        self.next(self.spell)

    @step
    def spell(self):
        self.next(self.letter, foreach="LETTERS")

    @step
    def letter(self):
        self.result = self.input.upper()
        self.next(self.letters_done)

    @step
    def letters_done(self, inputs):
        self.letters = [task.result for task in inputs]
        self.merge_artifacts(inputs, include=["results"])
        self.next(self.end)

    @step
    def end(self):
        assert self.numbers == [3, 4, 5]


if __name__ == "__main__":
    ForeachParameterFlow()
