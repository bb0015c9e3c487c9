from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(*[getattr(self, name) for name in ("train", "test", "evaluate")])

    @step
    def train(self):
        self.next(self.end)

    @step
    def end(self):
        pass
