from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train, **options)

    @step
    def train(self):
        self.next(self.end)

    @step
    def end(self):
        pass
