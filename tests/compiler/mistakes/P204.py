from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.fit)

    @step
    def fit(self):
        self.next(self.score)

    @step
    def score(self):
        self.next(self.fit)

    @step
    def end(self):
        pass
