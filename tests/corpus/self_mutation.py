"""Artifacts changed in place: a step stores what it leaves behind, and no branch sees another's change."""

from penstock import FlowSpec, step

EXPECTED = {
    "start/t": {"ledger": {"start": 1}, "alias_same": True},
    "deposit/t": {"ledger": {"start": 1, "deposit": 5}},
    "withdraw/t": {"ledger": {"start": 1, "withdraw": -2}},
    "join/t": {"ledgers": [{"start": 1, "deposit": 5}, {"start": 1, "withdraw": -2}]},
    "end/t": {"ledgers": [{"start": 1, "deposit": 5}]},
}


class SelfMutationFlow(FlowSpec):
    @step
    def start(self):
        self.ledger = {}
        self.alias = self.ledger
        self.ledger["start"] = 1
        self.alias_same = self.alias is self.ledger
        self.next(self.deposit, self.withdraw)

    @step
    def deposit(self):
        self.ledger["deposit"] = 5
        self.next(self.join)

    @step
    def withdraw(self):
        self.ledger["withdraw"] = -2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.ledgers = [branch.ledger for branch in inputs]
        self.next(self.end)

    @step
    def end(self):
        self.ledgers.pop()


if __name__ == "__main__":
    SelfMutationFlow()
