from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.fit, foreach="models")

    @step
    def fit(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.score)

    @step
    def score(self):
        self.next({"again": self.fit, "good": self.end}, condition="verdict")

    @step
    def end(self):
        pass
