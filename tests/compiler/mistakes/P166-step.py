from penstock import FlowSpec, schedule, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train)

    @schedule(hourly=True)
    @step
    def train(self):
        self.next(self.end)

    @step
    def end(self):
        pass
