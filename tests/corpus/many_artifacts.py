"""Two hundred small artifacts in one task: saved and read back in bulk, by name."""

from penstock import FlowSpec, step

EXPECTED = {
    "start/t": {"value_0": 0, "value_199": 39601},
    "end/t": {"total": 2646700, "value_7": 49},
}


class ManyArtifactsFlow(FlowSpec):
    @step
    def start(self):
        for number in range(200):
            setattr(self, f"value_{number}", number**2)
        self.next(self.end)

    @step
    def end(self):
        self.total = sum(getattr(self, f"value_{number}") for number in range(200))


if __name__ == "__main__":
    ManyArtifactsFlow()
