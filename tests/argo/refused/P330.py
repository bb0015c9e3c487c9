from penstock import FlowSpec, batch, kubernetes, step


class PartlyFlow(FlowSpec):
    @kubernetes(cpu=2, namespace="elsewhere")
    @step
    def start(self):
        self.next(self.end)

    @batch(queue="gpus")
    @step
    def end(self):
        pass


if __name__ == "__main__":
    PartlyFlow()
