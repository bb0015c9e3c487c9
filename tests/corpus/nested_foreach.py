"""Three levels of foreach, of widths that depend on where one stands; ids show the path."""

from penstock import FlowSpec, step

EXPECTED = {
    "leaf/t.0.0.0": {"label": "0.0.0"},
    "leaf/t.1.1.2": {"label": "1.1.2"},
    "join_leaves/t.1.1": {"labels": ["1.1.0", "1.1.1", "1.1.2"]},
    "join_rows/t.1": {"labels": ["1.0.0", "1.0.1", "1.1.0", "1.1.1", "1.1.2"]},
    "end/t": {"count": 8, "last": "1.1.2"},
}


class NestedForeachFlow(FlowSpec):
    @step
    def start(self):
        self.planes = [0, 1]
        self.next(self.plane, foreach="planes")

    @step
    def plane(self):
        self.plane_id = self.input
        self.rows = list(range(self.plane_id + 1))
        self.next(self.row, foreach="rows")

    @step
    def row(self):
        self.row_id = self.input
        self.cells = list(range(self.plane_id + self.row_id + 1)) if self.plane_id else [0, 1, 2]
        self.next(self.leaf, foreach="cells")

    @step
    def leaf(self):
        self.label = f"{self.plane_id}.{self.row_id}.{self.input}"
        self.next(self.join_leaves)

    @step
    def join_leaves(self, inputs):
        self.labels = [leaf.label for leaf in inputs]
        self.next(self.join_rows)

    @step
    def join_rows(self, inputs):
        self.labels = [label for row in inputs for label in row.labels]
        self.next(self.join_planes)

    @step
    def join_planes(self, inputs):
        labels = [label for plane in inputs for label in plane.labels]
        self.count = len(labels)
        self.last = labels[-1]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NestedForeachFlow()
