from penstock import FlowSpec, catch, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train)

    @catch(var="failure")
    @step
    def train(self):
        self.next(self.fit, foreach="models")

    @step
    def fit(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
