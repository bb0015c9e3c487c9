"""Base classes for `inherited_steps.py`: steps and a parameter in a module of their own, beside the flow."""

from penstock import FlowSpec, Parameter, step


class Measured(FlowSpec):
    """Starts with the readings and ends with their sum; what is between is the subclass's."""

    scale = Parameter("scale", default=2, help="factor of every reading")
    UNIT = "m³/s"

    @step
    def start(self):
        self.readings = [self.scale * reading for reading in (1, 2, 3)]
        self.next(self.refine)

    @step
    def refine(self):
        raise NotImplementedError("the subclass says how")
        self.next(self.end)

    @step
    def end(self):
        self.summary = f"{sum(self.readings)} {self.UNIT}"


class Rounded:
    """A mixin that is no flow: a plain method that steps call."""

    def rounded(self, number):
        """To the next five."""
        return 5 * round(number / 5)
