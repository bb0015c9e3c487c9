"""Two steps whose names are longer than a state's may be."""

from penstock import FlowSpec, step


class LongNameFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.the_step_that_loads_every_row_of_every_table_of_the_warehouse_and_keeps_them_all_in_memory)

    @step
    def the_step_that_loads_every_row_of_every_table_of_the_warehouse_and_keeps_them_all_in_memory(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LongNameFlow()
