"""The smallest flow that shows the idea: greet in two languages at the same time, then put the greetings together."""

from penstock import FlowSpec, Parameter, step


class HelloFlow(FlowSpec):
    """Two branches and a join."""

    whom = Parameter("whom", default="world", help="whom to greet")

    @step
    def start(self):
        """Open both branches."""
        self.next(self.english, self.french)

    @step
    def english(self):
        """One branch."""
        self.greeting = f"Hello, {self.whom}!"
        self.next(self.together)

    @step
    def french(self):
        """The other."""
        self.greeting = f"Bonjour, {self.whom} !"
        self.next(self.together)

    @step
    def together(self, inputs):
        """The greetings, in the order in which `start` names the branches."""
        self.greetings = [branch.greeting for branch in inputs]
        self.next(self.end)

    @step
    def end(self):
        """Say them."""
        print(*self.greetings, sep="\n")


if __name__ == "__main__":
    HelloFlow()
