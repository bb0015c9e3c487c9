from penstock import FlowSpec, Parameter, step


class TrainFlow(FlowSpec):
    rate = Parameter("rate", type=int, default="high")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
