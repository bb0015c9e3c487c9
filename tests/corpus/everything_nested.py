"""Branches in a foreach in a branch in a foreach: what recursion in a compiler gets wrong first."""

from penstock import FlowSpec, step

EXPECTED = {
    "up/t.1.0": {"value": 11},
    "down/t.1.0": {"value": 9},
    "close_item/t.1.1": {"value": "22-20"},
    "close_list/t.0": {"value": []},
    "close_side/t.1": {"value": "11-9,22-20+left"},
    "end/t": {"value": "+left;11-9,22-20+left"},
}


class EverythingNestedFlow(FlowSpec):
    @step
    def start(self):
        self.lists = [[], [10, 21]]
        self.next(self.side, foreach="lists")

    @step
    def side(self):
        self.items = self.input
        self.next(self.spread, self.left)

    @step
    def left(self):
        self.value = "left"
        self.next(self.close_side)

    @step
    def spread(self):
        self.next(self.item, foreach="items")

    @step
    def item(self):
        self.number = self.input
        self.next(self.up, self.down)

    @step
    def up(self):
        self.value = self.number + 1
        self.next(self.close_item)

    @step
    def down(self):
        self.value = self.number - 1
        self.next(self.close_item)

    @step
    def close_item(self, inputs):
        self.value = "-".join(str(branch.value) for branch in inputs)
        self.next(self.close_list)

    @step
    def close_list(self, inputs):
        self.value = [task.value for task in inputs]
        self.next(self.close_side)

    @step
    def close_side(self, inputs):
        self.value = ",".join(inputs.close_list.value) + "+" + inputs.left.value
        self.next(self.close_all)

    @step
    def close_all(self, inputs):
        self.value = ";".join(task.value for task in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    EverythingNestedFlow()
