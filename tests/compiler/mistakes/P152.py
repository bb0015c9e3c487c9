from penstock import FlowSpec, Parameter, step


class TrainFlow(FlowSpec):
    rate = Parameter("learning_rate", default=0.1)
    other = Parameter("Learning-Rate", default=0.2)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
