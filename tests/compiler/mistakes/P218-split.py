from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.begin)

    @step
    def begin(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next({"again": self.begin, "good": self.join}, condition="verdict")

    @step
    def b(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
