from penstock import FlowSpec, kube, step


class PodFlow(FlowSpec):
    @kube(memory=0, node_selector="fast", secrets={"db": "etc/db"}, tolerations=["gpu"], labels={"size": 3})
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    PodFlow()
