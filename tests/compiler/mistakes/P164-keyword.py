from penstock import FlowSpec, catch, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train)

    @catch(var="except")
    @step
    def train(self):
        self.next(self.end)

    @step
    def end(self):
        pass
