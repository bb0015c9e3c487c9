from penstock import FlowSpec, step


class SharedTailsFlow(FlowSpec):
    @step
    def start(self):
        self.kind = "a0"
        self.next({"a0": self.a0, "a1": self.a1, "a2": self.a2, "a3": self.a3, "skip": self.end}, condition="kind")

    @step
    def a0(self):
        self.next(self.t0)

    @step
    def a1(self):
        self.next(self.t0)

    @step
    def a2(self):
        self.next(self.t0)

    @step
    def a3(self):
        self.next(self.t0)

    @step
    def t0(self):
        self.next(self.t1)

    @step
    def t1(self):
        self.next(self.t2)

    @step
    def t2(self):
        self.next(self.t3)

    @step
    def t3(self):
        self.next(self.t4)

    @step
    def t4(self):
        self.next(self.t5)

    @step
    def t5(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SharedTailsFlow()
