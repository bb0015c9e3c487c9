"""`dump`: the artifacts of stored tasks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from penstock.backends.commandline import write_file
from penstock.cli.stored import stored_tasks
from penstock.runtime_shim.datastore.tasks import FinishedTask, NotFinished, TaskStore
from penstock.runtime_shim.failures import Failure

if TYPE_CHECKING:
    from penstock.cli.state import CliState


@click.command()
@click.argument("pathspec")
@click.option("--private/--no-private", default=False, help="Also show Penstock's own artifacts, which begin with `_`.")
@click.option(
    "--max-value-size",
    type=click.IntRange(0),
    default=1000,
    show_default=True,
    metavar="BYTES",
    help="Show values that are smaller than this; with 0 only names.",
)
@click.option("--include", default="", metavar="NAME,…", help="Only these artifacts.")
@click.option(
    "--file", "path", type=click.Path(dir_okay=False), help="Write a pickled dict of dicts to this file instead."
)
@click.pass_obj
def dump(state: CliState, pathspec: str, private: bool, max_value_size: int, include: str, path: str | None) -> None:
    """Show the artifacts of a task, or of all finished tasks of a step.

    PATHSPEC is run/step or run/step/task; whoever made the run, and wherever it was made.

    \b
    Examples:
      python flow.py dump 1712345678901234/train
      python flow.py dump sfn-nightly/train/t.3 --include model,loss
      python flow.py dump 1712345678901234/end --file artifacts.pickle
    """
    import pickle

    tasks = TaskStore(state.datastore(), state.flow_class.__name__)
    wanted = [name for name in include.split(",") if name]
    written: dict[str, dict[str, object]] = {}
    specs = stored_tasks(state, pathspec)
    for spec in specs:
        try:
            task = tasks.ended(spec.run, str(spec.step), str(spec.task), spec.attempt)
        except NotFinished as failure:
            if len(specs) == 1:
                raise
            click.echo(failure.message, err=True)
            continue
        names = _names(task, private, wanted)
        if path is not None:
            written[f"{spec.run}/{spec.step}/{spec.task}"] = task.load_many(names)
            continue
        if not state.options.quiet:
            click.echo(f"Dumping output of run_id={spec.run} step={spec.step} task_id={spec.task}", err=True)
        for line in _lines(task, names, max_value_size):
            click.echo(line)
    if path is not None:
        write_file(path, pickle.dumps(written, protocol=4))
        if not state.options.quiet:
            click.echo(f"Artifacts written to {path}", err=True)


def _names(task: FinishedTask, private: bool, wanted: list[str]) -> list[str]:
    if wanted:
        return [name for name in task.objects if name in wanted]
    return sorted((name for name in task.objects if private or not name.startswith("_")), key=str.lower)


def _lines(task: FinishedTask, names: list[str], max_value_size: int) -> Iterable[str]:
    """One line for each artifact; a value that cannot be read is told in its place, and hides no other."""
    for name in names:
        stored = task.objects[name]
        head = f"{name} [size: {stored.size} type: {stored.type}]"
        if stored.size >= max_value_size:
            yield head
            continue
        try:
            yield f"{head} = {task.load(name)}"
        except Failure as failure:
            yield f"{head} cannot be read: {failure.message}"
