from penstock import FlowSpec, step


class Übungsfluss(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
