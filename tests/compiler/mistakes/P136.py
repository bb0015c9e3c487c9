from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train, forech="items")

    @step
    def train(self):
        self.next(self.end)

    @step
    def end(self):
        pass
