from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.begin)

    @step
    def begin(self):
        self.next(self.fit, foreach="models")

    @step
    def fit(self):
        self.next({"again": self.begin, "good": self.join}, condition="verdict")

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
