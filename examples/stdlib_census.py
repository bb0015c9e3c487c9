"""A census of the Python that runs it: how its standard library is written, package by package.

One task per package reads the package's own source files; two branches take different statistics of what was read;
joins put them together and the last step keeps a report.  The data is on every machine that has Python, and the answer
depends on the Python version only: a run here and a run on a scheduler must agree to the last digit.
"""

import ast
import sysconfig
from collections import Counter
from pathlib import Path

from penstock import FlowSpec, JSONType, Parameter, step


def source_files(package):
    """A package's modules, tests left out: a folder of the standard library, or a module of one file."""
    library = Path(sysconfig.get_path("stdlib"))
    folder = library / package
    if folder.is_dir():
        return sorted(file for file in folder.rglob("*.py") if not {"test", "tests"} & set(file.parts))
    return [library / f"{package}.py"]


class StdlibCensusFlow(FlowSpec):
    """Read packages side by side, count lines and statements, report."""

    packages = Parameter(
        "packages",
        type=JSONType,
        default='["asyncio", "collections", "email", "http", "importlib", "json", "logging", "unittest"]',
        help="names of packages or modules of the standard library, a JSON list",
    )
    top = Parameter("top", default=3, help="how many kinds of statement the report names for each package")

    @step
    def start(self):
        """One task per package."""
        self.names = self.packages
        self.next(self.read, foreach="names")

    @step
    def read(self):
        """Keep the package's sources: both branches work on the same bytes."""
        self.package = self.input
        self.sources = {file.name: file.read_text(encoding="utf-8") for file in source_files(self.package)}
        print(f"{self.package}: {len(self.sources)} modules")
        self.next(self.lines, self.syntax)

    @step
    def lines(self):
        """How long it is, and how much of it is commentary."""
        texts = [line.strip() for source in self.sources.values() for line in source.splitlines()]
        self.length = len(texts)
        self.commentary = sum(line.startswith("#") for line in texts)
        self.next(self.package_done)

    @step
    def syntax(self):
        """What it is made of: every statement of every syntax tree, by kind."""
        self.kinds = Counter()
        for source in self.sources.values():
            nodes = ast.walk(ast.parse(source))
            self.kinds.update(type(node).__name__ for node in nodes if isinstance(node, ast.stmt))
        self.next(self.package_done)

    @step
    def package_done(self, inputs):
        """Both statistics of one package."""
        self.merge_artifacts(inputs, include=["package", "length", "commentary", "kinds"])
        self.next(self.gather)

    @step
    def gather(self, inputs):
        """All packages, in the order in which they were asked for."""
        self.report = [
            {
                "package": each.package,
                "lines": each.length,
                "comments": round(each.commentary / each.length, 3),
                "functions": each.kinds["FunctionDef"] + each.kinds["AsyncFunctionDef"],
                "classes": each.kinds["ClassDef"],
                "mostly": [kind for kind, _ in each.kinds.most_common(self.top)],
            }
            for each in inputs
        ]
        self.kinds = sum((each.kinds for each in inputs), Counter())
        self.next(self.end)

    @step
    def end(self):
        """Print the report; it stays readable as the artifact `report`."""
        for row in self.report:
            print(
                f"{row['package']:<12} {row['lines']:>6} lines  {row['comments']:>5.1%} comments  "
                f"{row['functions']:>4} functions  {row['classes']:>4} classes  {', '.join(row['mostly'])}"
            )
        print(f"{sum(self.kinds.values())} statements of {len(self.kinds)} kinds")


if __name__ == "__main__":
    StdlibCensusFlow()
