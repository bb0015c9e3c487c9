from penstock import FlowSpec, global_environment, step


@global_environment(vars={"LEVEL": 3})
class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train)

    @step
    def train(self):
        self.next(self.end)

    @step
    def end(self):
        pass
