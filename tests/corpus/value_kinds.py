"""Artifacts of many types: exact integers, NaN, dates, decimals, a class of the flow's module."""

import datetime
import decimal
import math
from dataclasses import dataclass

from penstock import FlowSpec, step

EXPECTED = {
    "start/t": {"big": 2**200, "text": "\x00\ud7ff🌊", "nested": {(1, "a"): [None, {2}]}, "flag": True},
    "end/t": {"checks": [True, True, True, True, True]},
}


@dataclass
class Reading:
    """A value of a class that lives in the flow's own file."""

    level: float


class ValueKindsFlow(FlowSpec):
    @step
    def start(self):
        self.big = 2**200
        self.text = "\x00\ud7ff🌊"
        self.nested = {(1, "a"): [None, {2}]}
        self.flag = True
        self.not_a_number = math.nan
        self.day = datetime.date(2021, 2, 28)
        self.price = decimal.Decimal("0.10")
        self.reading = Reading(1.5)
        self.function = sorted
        self.next(self.end)

    @step
    def end(self):
        self.checks = [
            math.isnan(self.not_a_number),
            self.day == datetime.date(2021, 2, 28),
            str(self.price) == "0.10",
            self.reading == Reading(1.5),
            self.function([2, 1]) == [1, 2],
        ]


if __name__ == "__main__":
    ValueKindsFlow()
