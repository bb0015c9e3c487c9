from penstock import FlowSpec, kube, step


class SecretsFlow(FlowSpec):
    @kube(secrets=["db"], config_maps=["settings"])
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SecretsFlow()
