from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.join)

    @step
    def b(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.score)

    @step
    def score(self):
        self.next({"again": self.join, "good": self.end}, condition="verdict")

    @step
    def end(self):
        pass
