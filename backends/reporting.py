"""What a run says while it goes: timestamped lines like those of Metaflow, or on a terminal a live table below them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

_REFRESH_SECONDS = 0.1
_MAX_ROWS = 12


class Reporter(Protocol):
    """Told what happens; ``source`` is ``run/step/task (pid N)``, empty for the run itself."""

    def say(self, text: str, source: str = "", *, bad: bool = False) -> None:
        """A line of Penstock's own."""
        ...

    def relay(self, text: str, source: str) -> None:
        """A line that a task wrote."""
        ...

    def known(self, step: str, count: int) -> None:
        """``count`` more tasks of ``step`` are going to run."""
        ...

    def started(self, step: str) -> None:
        """A task of ``step`` runs."""
        ...

    def ended(self, step: str, succeeded: bool) -> None:
        """A task of ``step`` does not run any more."""
        ...

    def again(self, step: str) -> None:
        """A task of ``step`` that failed is going to be tried again."""
        ...

    def refresh(self) -> float | None:
        """Bring the display up to date if it is time; the seconds until it will be, None for a display without need."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


def timestamp() -> str:
    """Local time to the millisecond, as Metaflow writes it."""
    return datetime.now().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


class LineReporter:
    """One line for everything, as Metaflow prints when its output is no terminal."""

    def __init__(self, write: Callable[[str], object] | None = None, *, quiet: bool = False) -> None:
        self._write = write or sys.stdout.write
        self._quiet = quiet

    def say(self, text: str, source: str = "", *, bad: bool = False) -> None:
        """A line of Penstock's own; with ``quiet`` only bad news."""
        if bad or not self._quiet:
            self._line(text, source)

    def relay(self, text: str, source: str) -> None:
        """A line that a task wrote."""
        if not self._quiet:
            self._line(text, source)

    def known(self, step: str, count: int) -> None:
        """Lines tell of tasks when they start."""

    def started(self, step: str) -> None:
        """Told by a line."""

    def ended(self, step: str, succeeded: bool) -> None:
        """Told by a line."""

    def again(self, step: str) -> None:
        """Told by a line."""

    def refresh(self) -> float | None:
        """Nothing: lines stay as they are."""
        return None

    def close(self) -> None:
        """Nothing to put back."""

    def _line(self, text: str, source: str) -> None:
        self._write(f"{timestamp()} [{source}] {text}\n" if source else f"{timestamp()} {text}\n")
        sys.stdout.flush()


class _Row:
    """The tasks of one step, counted."""

    __slots__ = ("began", "done", "ended", "failed", "known", "running")

    def __init__(self) -> None:
        self.known = self.running = self.done = self.failed = 0
        self.began: float | None = None
        self.ended = 0.0

    @property
    def seconds(self) -> float:
        """From the first task's start to now, or to the last task's end."""
        if self.began is None:
            return 0.0
        return (time.monotonic() if self.running else self.ended) - self.began


class LiveReporter:
    """Lines scroll by, below them a table of the steps is kept up to date.

    The table shows steps with running tasks first, then those that ended last; it is drawn at most ten times a
    second, by the run's own loop: no thread.
    """

    def __init__(self, title: str, *, quiet: bool = False) -> None:
        from rich.console import Console
        from rich.live import Live

        self._title = title
        self._quiet = quiet
        self._console = Console(highlight=False, soft_wrap=True)
        self._rows: dict[str, _Row] = {}
        self._began = time.monotonic()
        self._drawn = 0.0
        self._live = Live(console=self._console, auto_refresh=False, get_renderable=self._table)
        self._live.start(refresh=True)

    def say(self, text: str, source: str = "", *, bad: bool = False) -> None:
        """A line of Penstock's own, dimmed or red."""
        if bad or not self._quiet:
            self._console.print(_styled(text, source, "bold red" if bad else "dim"))

    def relay(self, text: str, source: str) -> None:
        """A line that a task wrote, as it is."""
        if not self._quiet:
            self._console.print(_styled(text, source, ""))

    def known(self, step: str, count: int) -> None:
        """More to do."""
        self._row(step).known += count

    def started(self, step: str) -> None:
        """One more runs."""
        row = self._row(step)
        row.running += 1
        row.began = row.began or time.monotonic()

    def ended(self, step: str, succeeded: bool) -> None:
        """One less runs."""
        row = self._row(step)
        row.running -= 1
        row.ended = time.monotonic()
        if succeeded:
            row.done += 1
        else:
            row.failed += 1

    def again(self, step: str) -> None:
        """Not failed for good."""
        self._row(step).failed -= 1

    def refresh(self) -> float | None:
        """Draw the table when the last drawing is old enough."""
        left = self._drawn + _REFRESH_SECONDS - time.monotonic()
        if left > 0:
            return left
        self._drawn = time.monotonic()
        self._live.refresh()
        return _REFRESH_SECONDS

    def close(self) -> None:
        """Draw the last state, and give the cursor back."""
        self._live.refresh()
        self._live.stop()

    def _row(self, step: str) -> _Row:
        return self._rows.setdefault(step, _Row())

    def _table(self) -> RenderableType:
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        done = sum(row.done for row in self._rows.values())
        known = sum(row.known for row in self._rows.values())
        elapsed = f"{time.monotonic() - self._began:.1f} s"
        table.add_row(f"[bold]{self._title}[/]", "", f"{done:,} of {known:,}", elapsed)
        rows = self._rows
        latest = sorted(rows, key=lambda step: (rows[step].running > 0, rows[step].ended), reverse=True)
        shown = set(latest[: min(_MAX_ROWS, max(1, self._console.height - 4))])
        # In the order in which the steps came to be known, which is that of the flow.
        for step, row in self._rows.items():
            if step in shown:
                _add(table, step, row)
        if len(self._rows) > len(shown):
            table.add_row(f"  [dim]and {len(self._rows) - len(shown):,} more steps[/]")
        return table


def _add(table: Table, step: str, row: _Row) -> None:
    from rich.progress_bar import ProgressBar

    state = f"{row.done:,}/{row.known:,}"
    if row.running:
        state += f", {row.running} running"
    if row.failed:
        state += f", [red]{row.failed} failed[/]"
    bar = ProgressBar(total=row.known or 1, completed=row.done, width=24)
    table.add_row(f"  {step}", bar, state, f"{row.seconds:.1f} s")


def _styled(text: str, source: str, style: str) -> Text:
    from rich.text import Text

    line = Text(f"{timestamp()} ", style="magenta")
    if source:
        line.append(f"[{source}] ", style="cyan")
    line.append(Text.from_ansi(text) if "\x1b" in text else Text(text, style=style))
    return line
