from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next({"x": self.fit, "y": self.score}, condition="kind")

    @step
    def fit(self):
        self.next(self.score)

    @step
    def score(self):
        self.next({"again": self.fit, "good": self.end}, condition="verdict")

    @step
    def end(self):
        pass
