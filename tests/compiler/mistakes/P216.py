from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next({"two": self.fork, "one": self.join}, condition="kind")

    @step
    def fork(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.join)

    @step
    def b(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
