"""Parameter values that would run commands, break quoting or lose bytes anywhere a shell or a template touched them."""

from penstock import FlowSpec, JSONType, Parameter, step

PARAMETERS = {
    "shell": "$(touch x) `touch y` ; touch z && echo ${HOME} | tee w > v",
    "quotes": "it's \"quoted\" 'twice' \\ \\\\ \\n {} {0} {{}} $.path States.Format('{}')",
    "lines": "first\nsecond\r\n\tthird\n\n",
    "unicode": "naïve Ωmega 水圧管 🌊 \u2028 e\u0301",
    "empty": "",
    "dashes": "--count",
    "count": -17,
    "rate": 1e-300,
    "flag": False,
    "nested": {"$.a": ["'", '"', "\\", "\n", None, True, 1.5, {"": []}], "ключ": "$(touch x)"},
}

EXPECTED = {
    "start/t": {
        **PARAMETERS,
        "lengths": [len(PARAMETERS["shell"]), len(PARAMETERS["lines"]), len(PARAMETERS["unicode"])],
    },
    "end/t": PARAMETERS,
}


class HostileParametersFlow(FlowSpec):
    shell = Parameter("shell", required=True)
    quotes = Parameter("quotes", required=True)
    lines = Parameter("lines", required=True)
    unicode = Parameter("unicode", required=True)
    empty = Parameter("empty", default="not empty")
    dashes = Parameter("dashes", required=True)
    count = Parameter("count", type=int, required=True)
    rate = Parameter("rate", type=float, required=True)
    flag = Parameter("flag", type=bool, default=True)
    nested = Parameter("nested", type=JSONType, required=True)

    @step
    def start(self):
        self.lengths = [len(self.shell), len(self.lines), len(self.unicode)]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    HostileParametersFlow()
