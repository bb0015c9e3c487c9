from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.join)

    @step
    def b(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        if len(inputs) > 1:
            self.next(self.c)
        else:
            self.next(self.end)

    @step
    def c(self):
        self.next(self.end)

    @step
    def end(self):
        pass
