from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train)

    @step
    def train(self):
        self.next(self.end)

    @step
    def train(self):
        print("again")
        self.next(self.end)

    @step
    def end(self):
        pass
