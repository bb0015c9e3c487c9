"""A foreach inside a foreach, one of them over nothing."""

from penstock import FlowSpec, step


class ForeachFlow(FlowSpec):
    @step
    def start(self):
        self.widths = [2, 0]
        self.next(self.field, foreach="widths")

    @step
    def field(self):
        self.rows = list(range(self.input))
        self.next(self.row, foreach="rows")

    @step
    def row(self):
        self.square = self.input**2
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.squares = [row.square for row in inputs]
        self.next(self.all)

    @step
    def all(self, inputs):
        self.fields = [field.squares for field in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachFlow()
