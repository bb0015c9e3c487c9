from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train)

    @step
    def train(self):
        with self.lock:
            self.next(self.end)

    @step
    def end(self):
        pass
