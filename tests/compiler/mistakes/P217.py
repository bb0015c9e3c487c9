from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next({"x": self.first, "y": self.second}, condition="kind")

    @step
    def b(self):
        self.next({"x": self.first, "y": self.second}, condition="kind")

    @step
    def first(self, inputs):
        self.next(self.end)

    @step
    def second(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
