from penstock import FlowSpec, step


class Base(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self, inputs):
        pass


class TrainFlow(Base):
    @step
    def train(self):
        self.next(self.end)
