"""Steps, a parameter and a constant from a base class in another module; one step overridden, a method mixed in."""

from shared_base import Measured, Rounded

from penstock import step

EXPECTED = {
    "start/t": {"readings": [2, 4, 6], "scale": 2, "UNIT": "m³/s"},
    "refine/t": {"readings": [0, 5, 5]},
    "end/t": {"summary": "10 m³/s"},
}


class InheritedStepsFlow(Rounded, Measured):
    @step
    def refine(self):
        self.readings = [self.rounded(reading) for reading in self.readings]
        self.next(self.end)


if __name__ == "__main__":
    InheritedStepsFlow()
