"""A foreach runs over any iterable: a range, a string, a dictionary (its keys), a generator, a set of one."""

from penstock import FlowSpec, step

EXPECTED = {
    "a_range/t.2": {"item": 9},
    "a_string/t.1": {"item": "水"},
    "a_dict/t.1": {"item": "two"},
    "a_generator/t.3": {"item": 9},
    "a_set/t.0": {"item": "only"},
    "end/t": {
        "items": {
            "a_range": [5, 7, 9],
            "a_string": ["p", "水", "🌊"],
            "a_dict": ["one", "two"],
            "a_generator": [0, 1, 4, 9],
            "a_set": ["only"],
        }
    },
}


class ForeachIterablesFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.open_range, self.open_string, self.open_dict, self.open_generator, self.open_set)

    @step
    def open_range(self):
        self.items = range(5, 10, 2)
        self.next(self.a_range, foreach="items")

    @step
    def open_string(self):
        self.items = "p水🌊"
        self.next(self.a_string, foreach="items")

    @step
    def open_dict(self):
        self.items = {"one": 1, "two": 2}
        self.next(self.a_dict, foreach="items")

    @step
    def open_generator(self):
        self.items = (number**2 for number in range(4))
        self.next(self.a_generator, foreach="items")

    @step
    def open_set(self):
        self.items = {"only"}
        self.next(self.a_set, foreach="items")

    @step
    def a_range(self):
        self.item = self.input
        self.next(self.join_range)

    @step
    def a_string(self):
        self.item = self.input
        self.next(self.join_string)

    @step
    def a_dict(self):
        self.item = self.input
        self.next(self.join_dict)

    @step
    def a_generator(self):
        self.item = self.input
        self.next(self.join_generator)

    @step
    def a_set(self):
        self.item = self.input
        self.next(self.join_set)

    @step
    def join_range(self, inputs):
        self.collected = {"a_range": [task.item for task in inputs]}
        self.next(self.join)

    @step
    def join_string(self, inputs):
        self.collected = {"a_string": [task.item for task in inputs]}
        self.next(self.join)

    @step
    def join_dict(self, inputs):
        self.collected = {"a_dict": [task.item for task in inputs]}
        self.next(self.join)

    @step
    def join_generator(self, inputs):
        self.collected = {"a_generator": [task.item for task in inputs]}
        self.next(self.join)

    @step
    def join_set(self, inputs):
        self.collected = {"a_set": [task.item for task in inputs]}
        self.next(self.join)

    @step
    def join(self, inputs):
        self.items = {name: items for branch in inputs for name, items in branch.collected.items()}
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachIterablesFlow()
