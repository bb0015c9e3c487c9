"""A map of Unicode as this Python knows it: planes, their blocks of 4,096 code points, the scripts in each.

Two levels of foreach whose width depends on the data: planes without any named character have no blocks to look at, so
their inner foreach is empty, and the join runs all the same.
"""

import unicodedata
from collections import Counter

from penstock import FlowSpec, Parameter, step

PLANE = 0x10000
BLOCK = 0x1000


def named(start, stop):
    """The names of the characters in a range that have one."""
    return [name for code in range(start, stop) if (name := unicodedata.name(chr(code), ""))]


class UnicodeMapFlow(FlowSpec):
    """Planes, then blocks, then one table."""

    planes = Parameter("planes", default=5, help="how many planes of 65,536 code points, from the first")

    @step
    def start(self):
        """One task per plane."""
        self.numbers = range(self.planes)
        self.next(self.survey, foreach="numbers")

    @step
    def survey(self):
        """Find the plane's blocks that hold anything with a name."""
        self.plane = self.input
        first = self.plane * PLANE
        self.blocks = [start for start in range(first, first + PLANE, BLOCK) if named(start, start + BLOCK)]
        self.next(self.count, foreach="blocks")

    @step
    def count(self):
        """The scripts of one block: the first word of a character's name."""
        self.scripts = Counter(name.split()[0] for name in named(self.input, self.input + BLOCK))
        self.next(self.plane_done)

    @step
    def plane_done(self, inputs):
        """A plane's scripts; for a plane with nothing in it, `inputs` is empty."""
        self.scripts = sum((block.scripts for block in inputs), Counter())
        self.next(self.whole)

    @step
    def whole(self, inputs):
        """Per plane: how many names, and the scripts with most of them."""
        self.table = [
            {"plane": number, "names": sum(plane.scripts.values()), "most": plane.scripts.most_common(2)}
            for number, plane in enumerate(inputs)
        ]
        self.next(self.end)

    @step
    def end(self):
        """Print the map."""
        for row in self.table:
            most = ", ".join(f"{script} {number}" for script, number in row["most"]) or "nothing"
            print(f"plane {row['plane']:>2}: {row['names']:>6} names; {most}")


if __name__ == "__main__":
    UnicodeMapFlow()
