"""Every kind of parameter, each with its default: the values keep their types and cannot be assigned."""

from penstock import FlowSpec, JSONType, Parameter, step

EXPECTED = {
    "start/t": {
        "text": "plain",
        "count": 3,
        "rate": 0.5,
        "wet": True,
        "dry": False,
        "shape": {"rows": [1, 2], "name": None},
        "absent": None,
        "guessed": 7,
        "assigned": "refused",
        "types": ["str", "int", "float", "bool", "bool", "dict", "NoneType", "int"],
    },
    "end/t": {"text": "plain", "count": 3, "shape": {"rows": [1, 2], "name": None}},
}


class ParametersFlow(FlowSpec):
    text = Parameter("text", default="plain", help="a string")
    count = Parameter("count", default=3, type=int, help="a whole number")
    rate = Parameter("rate", default=0.5, type=float, help="a number")
    wet = Parameter("wet", default=True, type=bool, help="yes or no")
    dry = Parameter("dry", default=False, type=bool, help="no or yes")
    shape = Parameter("shape", default='{"rows": [1, 2], "name": null}', type=JSONType, help="any JSON value")
    absent = Parameter("absent", help="no default: None")
    guessed = Parameter("guessed", default=7, help="its type is its default's")

    @step
    def start(self):
        values = [self.text, self.count, self.rate, self.wet, self.dry, self.shape, self.absent, self.guessed]
        self.types = [type(value).__name__ for value in values]
        try:
            self.text = "changed"
        except AttributeError:
            self.assigned = "refused"
        self.next(self.end)

    @step
    def end(self):
        assert self.text == "plain"


if __name__ == "__main__":
    ParametersFlow()
