"""`foreach_stack()` says where a task stands: (index, number of splits, item) per level, outermost first."""

from penstock import FlowSpec, step

EXPECTED = {
    "start/t": {"stack": []},
    "column/t.1": {"stack": [(1, 2, "b")]},
    "cell/t.1.2": {"stack": [(1, 2, "b"), (2, 3, 30)]},
    "join_cells/t.1": {"stack": [(1, 2, "b")]},
    "end/t": {"stack": [], "cells": ["a10", "a20", "a30", "b10", "b20", "b30"]},
}


class ForeachStackFlow(FlowSpec):
    @step
    def start(self):
        self.columns = ["a", "b"]
        self.stack = self.foreach_stack() or []
        self.next(self.column, foreach="columns")

    @step
    def column(self):
        self.rows = [10, 20, 30]
        self.stack = self.foreach_stack()
        self.next(self.cell, foreach="rows")

    @step
    def cell(self):
        self.stack = self.foreach_stack()
        self.cell_name = "".join(str(item) for _, _, item in self.stack)
        self.next(self.join_cells)

    @step
    def join_cells(self, inputs):
        self.cells = [cell.cell_name for cell in inputs]
        self.columns = inputs[0].columns
        self.stack = self.foreach_stack()
        self.next(self.join_columns)

    @step
    def join_columns(self, inputs):
        self.cells = [cell for column in inputs for cell in column.cells]
        self.next(self.end)

    @step
    def end(self):
        self.stack = self.foreach_stack() or []


if __name__ == "__main__":
    ForeachStackFlow()
