from penstock import FlowSpec, catch, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train)

    @catch
    @step
    def train(self):
        if self.good:
            self.next(self.end)
        else:
            self.next(self.fit)

    @step
    def fit(self):
        self.next(self.end)

    @step
    def end(self):
        pass
