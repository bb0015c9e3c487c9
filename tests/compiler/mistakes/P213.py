from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.first)

    @step
    def first(self, inputs):
        self.next(self.last)

    @step
    def b(self):
        self.next(self.last)

    @step
    def last(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
