from penstock import FlowSpec, environment, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train)

    @environment(vars={"LEVEL=": "3"})
    @step
    def train(self):
        self.next(self.end)

    @step
    def end(self):
        pass
