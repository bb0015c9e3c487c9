"""Two of three arms share steps before all of them meet; each way is taken in a task of a foreach."""

from penstock import FlowSpec, step

EXPECTED = {
    "polish/t.0": {"way": ["mild", "polish"]},
    "polish/t.1": {"way": ["harsh", "polish"]},
    "pack/t.2": {"way": ["none", "pack"]},
    "end/t": {"ways": [["mild", "polish", "pack"], ["harsh", "polish", "pack"], ["none", "pack"]]},
}


class SwitchSharedTailFlow(FlowSpec):
    @step
    def start(self):
        self.kinds = ["mild", "harsh", "none"]
        self.next(self.choose, foreach="kinds")

    @step
    def choose(self):
        self.kind = self.input
        self.next({"mild": self.rinse, "harsh": self.scrub, "none": self.leave}, condition="kind")

    @step
    def rinse(self):
        self.way = ["mild"]
        self.next(self.polish)

    @step
    def scrub(self):
        self.way = ["harsh"]
        self.next(self.polish)

    @step
    def leave(self):
        self.way = ["none"]
        self.next(self.pack)

    @step
    def polish(self):
        self.way += ["polish"]
        self.next(self.pack)

    @step
    def pack(self):
        self.way += ["pack"]
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.ways = [task.way for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchSharedTailFlow()
