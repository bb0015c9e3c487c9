"""Choices: one inside the other, ways that meet again, and a way that goes straight on."""

from penstock import FlowSpec, step


class SwitchFlow(FlowSpec):
    @step
    def start(self):
        self.levels = ["low", "high", "dry"]
        self.next(self.measure, foreach="levels")

    @step
    def measure(self):
        self.level, self.done = self.input, []
        self.next({"low": self.pump, "high": self.drain, "dry": self.note}, condition="level")

    @step
    def pump(self):
        self.done.append("pump")
        self.next(self.rest)

    @step
    def drain(self):
        self.done.append("drain")
        self.again = "yes"
        self.next({"yes": self.rest, "no": self.note}, condition="again")

    @step
    def rest(self):
        self.done.append("rest")
        self.next(self.note)

    @step
    def note(self):
        self.next(self.all)

    @step
    def all(self, inputs):
        self.log = [each.done for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchFlow()
