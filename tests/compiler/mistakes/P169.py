from penstock import FlowSpec, schedule, step


@schedule(daily=True, timezone="Europe/Berlim")
class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train)

    @step
    def train(self):
        self.next(self.end)

    @step
    def end(self):
        pass
