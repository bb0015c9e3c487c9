from penstock import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        match self.kind:
            case "quick":
                self.next(self.end)
            case name if name:
                if name == "long":
                    self.next(self.train)
                else:
                    print(name)

    @step
    def train(self):
        self.next(self.end)

    @step
    def end(self):
        pass
