"""The same kind of values as defaults: they reach the step without having been given."""

from penstock import FlowSpec, JSONType, Parameter, step

EXPECTED = {
    "end/t": {
        "shell": "$(touch x)",
        "quotes": "'\"\\{}",
        "lines": "a\nb\r\n",
        "unicode": "水 🌊",
        "nothing": None,
        "null": None,
        "nested": {"'": ['"', "$(touch x)"]},
        "joined": "$(touch x)'\"\\{}a\nb\r\n水 🌊",
    },
}


class HostileDefaultsFlow(FlowSpec):
    shell = Parameter("shell", default="$(touch x)")
    quotes = Parameter("quotes", default="'\"\\{}")
    lines = Parameter("lines", default="a\nb\r\n")
    unicode = Parameter("unicode", default="水 🌊")
    nothing = Parameter("nothing", default=None)
    null = Parameter("null", default="null", type=JSONType)
    nested = Parameter("nested", default={"'": ['"', "$(touch x)"]}, type=JSONType)

    @step
    def start(self):
        self.joined = self.shell + self.quotes + self.lines + self.unicode
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    HostileDefaultsFlow()
