from penstock import FlowSpec, resources, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train)

    @resources(cpu=0, memory=512)
    @step
    def train(self):
        self.next(self.end)

    @step
    def end(self):
        pass
