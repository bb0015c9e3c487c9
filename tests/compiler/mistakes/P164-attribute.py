from penstock import FlowSpec, Parameter, catch, step


class TrainFlow(FlowSpec):
    rate = Parameter("rate", default=0.5)

    @step
    def start(self):
        self.next(self.train)

    @catch(var="rate")
    @step
    def train(self):
        self.next(self.end)

    @step
    def end(self):
        pass
