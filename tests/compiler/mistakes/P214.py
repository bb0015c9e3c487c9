from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.a1, self.a2)

    @step
    def b(self):
        self.next(self.b1, self.b2)

    @step
    def a1(self):
        self.next(self.first)

    @step
    def a2(self):
        self.next(self.second)

    @step
    def b1(self):
        self.next(self.first)

    @step
    def b2(self):
        self.next(self.second)

    @step
    def first(self, inputs):
        self.next(self.join)

    @step
    def second(self, inputs):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
