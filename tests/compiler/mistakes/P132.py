from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        if self.quick:
            self.next(self.end)
        else:
            self.next(self.train, foreach="models")

    @step
    def train(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
