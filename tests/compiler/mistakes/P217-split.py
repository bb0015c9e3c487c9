from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b, self.c)

    @step
    def a(self):
        self.next({"x": self.first, "y": self.fork}, condition="kind")

    @step
    def fork(self):
        self.next(self.d, self.e)

    @step
    def d(self):
        self.next(self.last)

    @step
    def e(self):
        self.next(self.last)

    @step
    def b(self):
        self.next(self.first)

    @step
    def c(self):
        self.next(self.last)

    @step
    def first(self, inputs):
        self.next(self.last)

    @step
    def last(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
