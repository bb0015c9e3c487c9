"""What commands about several flows say: each diagnostic once, with the flow and the targets that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.cli.flow_files import FlowAnswer
    from penstock.compiler.diagnostics import Diagnostic

EXIT_PROBLEM = 1
EXIT_BUG = 3


@dataclass(frozen=True)
class Finding:
    """A diagnostic about the flow in ``file``, of ``targets``; of the flow itself where there are none."""

    diagnostic: Diagnostic
    file: str
    flow: str | None
    targets: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The diagnostic as `--format json` prints it."""
        from penstock.compiler.diagnostic_documents import document_of

        return {**document_of(self.diagnostic), "file": self.file, "flow": self.flow, "targets": list(self.targets)}


def findings(answers: Iterable[FlowAnswer]) -> list[Finding]:
    """All there is to say, file by file, by place; what several targets say in the same words comes once."""
    return [finding for answer in answers for finding in sorted(_of(answer), key=lambda f: f.diagnostic.sort_key)]


def _of(answer: FlowAnswer) -> Iterator[Finding]:
    for diagnostic in answer.diagnostics:
        yield Finding(diagnostic, answer.file, answer.flow)
    said: dict[Diagnostic, list[str]] = {}
    for name, target in answer.targets.items():
        for diagnostic in target.diagnostics:
            said.setdefault(diagnostic, []).append(name)
    for diagnostic, names in said.items():
        yield Finding(diagnostic, answer.file, answer.flow, tuple(names))


def show(found: Iterable[Finding]) -> None:
    """Print the diagnostics on stderr, as people read them; what is said of no place, and of several flows, once."""
    import click

    from penstock.cli import wants_color
    from penstock.compiler.render import render_text

    text = render_text(list(dict.fromkeys(finding.diagnostic for finding in found)), color=wants_color())
    if text:
        click.echo(text, err=True)


def exit_code(answers: Iterable[FlowAnswer]) -> int:
    """0, 1 where a flow is refused, 3 where Penstock itself failed."""
    codes = [answer.failed or (EXIT_PROBLEM if answer.refused else 0) for answer in answers]
    return max(codes, default=0) if EXIT_BUG in codes else min(1, max(codes, default=0))
