from penstock import FlowSpec, Parameter, step


class TrainFlow(FlowSpec):
    rate = Parameter("rate", default=0.1, required=True)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
