"""Numbers and truth values are cases too; an arm may lead straight to `end`, and a switch follow a switch."""

from penstock import FlowSpec, step

EXPECTED = {
    "start/t": {"count": 2},
    "check/t": {"enough": True},
    "end/t": {"way": ["start", "check"]},
}


class SwitchToEndFlow(FlowSpec):
    @step
    def start(self):
        self.way = ["start"]
        self.count = 2
        self.next({1: self.more, 2: self.check, 3: self.end}, condition="count")

    @step
    def more(self):
        self.way += ["more"]
        self.next(self.check)

    @step
    def check(self):
        self.way += ["check"]
        self.enough = self.count > 1
        self.next({True: self.end, False: self.last}, condition="enough")

    @step
    def last(self):
        self.way += ["last"]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchToEndFlow()
