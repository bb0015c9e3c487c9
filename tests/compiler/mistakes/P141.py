from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        if self.quick:
            self.next(self.end)
        elif self.long:
            self.next(self.train)

    @step
    def train(self):
        self.next(self.end)

    @step
    def end(self):
        pass
