"""The commands of `penstock` about several flow files: `check`, `compile`, `diff`."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from penstock.backends.protocol import Choices
    from penstock.cli.findings import Finding
    from penstock.cli.flow_files import FlowAnswer, Question

_TARGETS = click.option(
    "--target", "targets", multiple=True, metavar="NAME", help="A target, or `all` schedulers; repeatable."
)
_WITH = click.option(
    "--with", "decospecs", multiple=True, metavar="DECOSPEC", help="Add a decorator to every step; repeatable."
)
_CHOICES = (
    click.option("--datastore-root", metavar="URL", help="Where code and artifacts are stored: s3://bucket/prefix."),
    click.option("--image", metavar="IMAGE", help="The containers' image, where a step names none."),
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="Mark every run; repeatable."),
    click.option(
        "--max-workers", type=click.IntRange(1), default=100, show_default=True, help="Tasks of one foreach at once."
    ),
    click.option("--package-suffixes", metavar=".S,…", help="Suffixes of the files that go into the code package."),
)


def _compiled_with(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command what every flow is compiled with: ``targets``, ``decospecs``, ``suffixes`` and ``choices``."""

    @functools.wraps(command)
    def with_choices(
        *arguments: Any,
        datastore_root: str | None,
        image: str | None,
        tags: tuple[str, ...],
        max_workers: int,
        package_suffixes: str | None,
        **options: Any,
    ) -> Any:
        from penstock.backends.protocol import Choices

        choices = Choices(datastore_root=datastore_root, image=image, tags=tags, max_workers=max_workers)
        return command(*arguments, choices=choices, suffixes=package_suffixes, **options)

    return functools.reduce(lambda inner, option: option(inner), [*reversed(_CHOICES), _WITH, _TARGETS], with_choices)


def _format(*forms: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    chosen = click.Choice(["text", "json", *forms])
    return click.option("--format", "form", type=chosen, default="text", show_default=True, help="How it is printed.")


_FILES = click.argument("files", nargs=-1, required=True, metavar="FLOW.py…")


@click.command(short_help="Check flows, and say everything that is wrong with them.")
@_FILES
@_TARGETS
@_WITH
@_format("github")
def check(files: tuple[str, ...], targets: tuple[str, ...], decospecs: tuple[str, ...], form: str) -> int:
    """Check flow files, and say everything that is wrong with them; with --target also what that target can't do.

    Nothing needs to be configured.  `--format github` prints annotations for the lines of a pull request.  Exit code 1
    when there are errors; warnings alone give 0.

    \b
    Examples:
      penstock check flows/*.py
      penstock check flows/*.py --target all --format github
      penstock check flow.py --target argo-workflows --format json | jq -r '.[].message'
    """
    from penstock.cli.findings import exit_code, findings, show
    from penstock.cli.flow_files import Question
    from penstock.compiler.diagnostic_documents import github_annotations

    with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
        answers = _ask(files, Question(_known(targets), decospecs=decospecs), folder)
    found = findings(answers)
    match form:
        case "json":
            click.echo(json.dumps([finding.as_json() for finding in found], indent=1))
        case "github":
            click.echo(github_annotations((each.diagnostic, each.file) for each in found), nl=False)
        case _:
            show(found)
            for answer in answers:
                click.echo(f"{_title(answer)}: {_checked(answer)}")
    return exit_code(answers)


@click.command("compile", short_help="Write flows for their schedulers into a folder.")
@_FILES
@click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False), metavar="DIR", help="The folder to write."
)
@_compiled_with
@_format()
def compile_flows(
    files: tuple[str, ...],
    output: str,
    targets: tuple[str, ...],
    decospecs: tuple[str, ...],
    suffixes: str | None,
    choices: Choices,
    form: str,
) -> int:
    """Compile flows for each target, all schedulers if none is named, into DIR/FLOW/TARGET/.

    Asks no network, and needs no credentials.  The same flows and configuration give the same bytes; of an earlier
    compile nothing is left in DIR, and other files there stay.  What one target refuses is written for the others, and
    the exit code is 1.

    \b
    Examples:
      penstock compile flow.py --target argo-workflows -o build
      penstock compile flows/*.py --target all -o deploy --image registry.example.com/team/image:1
      penstock compile flows/*.py -o deploy --format json | jq '.flows[].targets'
    """
    from penstock.cli.compiled_folder import write_folder
    from penstock.cli.findings import exit_code, findings, show
    from penstock.cli.flow_files import Question

    question = Question(_known(targets or ("all",)), choices, output, decospecs, suffixes)
    with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
        answers = _ask(files, question, folder)
        found = findings(answers)
        if form == "text":
            show(found)
        write_folder(output, answers)
        if form == "json":
            flows = [_flow_document(answer, output, found) for answer in answers]
            click.echo(json.dumps({"output": output, "flows": flows}, indent=1))
        else:
            for answer in answers:
                for line in _written(answer, output):
                    click.echo(line)
    return exit_code(answers)


@click.command(short_help="Compare compiled flows.")
@click.argument("before", metavar="DIR", type=click.Path(file_okay=False))
@click.argument("after", nargs=-1, required=True, metavar="DIR|FLOW.py…")
@_compiled_with
@_format()
def diff(
    before: str,
    after: tuple[str, ...],
    targets: tuple[str, ...],
    decospecs: tuple[str, ...],
    suffixes: str | None,
    choices: Choices,
    form: str,
) -> int:
    """Compare a folder that `penstock compile -o` wrote with another one, or with flows as they compile now.

    With flow files it tells what `penstock compile` with the same files and options would change in DIR.  The exit code
    is 0 where nothing differs, 4 where something does, 1 where a flow is refused.  Nothing is changed.

    \b
    Examples:
      penstock diff deploy flows/*.py
      penstock diff main/deploy deploy --format json
    """
    from penstock.cli.comparing import compare, exit_code, report
    from penstock.cli.compiled_folder import of_answers, read_folder
    from penstock.cli.findings import findings, show
    from penstock.cli.flow_files import Question

    old = read_folder(before)
    if len(after) == 1 and not after[0].endswith(".py"):
        answers: list[FlowAnswer] = []
        new = read_folder(after[0])
    else:
        question = Question(_known(targets or ("all",)), choices, before, decospecs, suffixes)
        with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
            answers = _ask(after, question, folder)
            new = of_answers(answers)
    pairs = compare(old, new)
    if form == "json":
        found = [finding.as_json() for finding in findings(answers)]
        click.echo(json.dumps({"flows": [pair.as_json() for pair in pairs], "diagnostics": found}, indent=1))
    else:
        # What was refused when the folder was written is refused still, and no news.
        show(finding for finding in findings(answers) if not _known_refusal(finding, old.refused))
        for line in report(pairs):
            click.echo(line)
    return exit_code(pairs, answers, old.refused)


def _known(targets: Iterable[str]) -> tuple[str, ...]:
    """The targets' names, `all` replaced.

    Raises Refused where one of them does not exist.
    """
    from penstock.backends.registry import named

    return tuple(named(targets))


def _ask(files: Sequence[str], question: Question, folder: str) -> list[FlowAnswer]:
    from penstock.cli.flow_files import ask

    return ask(files, question, Path(folder))


def _known_refusal(finding: Finding, refused: frozenset[tuple[str, str]]) -> bool:
    return bool(finding.targets) and all((finding.flow, target) in refused for target in finding.targets)


def _title(answer: FlowAnswer) -> str:
    return answer.file if answer.flow is None else f"{answer.flow} ({answer.file})"


def _checked(answer: FlowAnswer) -> str:
    refusing = [name for name, target in answer.targets.items() if target.refused]
    if refusing:
        return f"refused by {', '.join(refusing)}"
    return "refused" if answer.refused else "good"


def _written(answer: FlowAnswer, output: str) -> Iterable[str]:
    yield _title(answer) + ("" if answer.targets else ": refused")
    width = max(map(len, answer.targets), default=0)
    for name, target in answer.targets.items():
        if target.refused:
            yield f"  {name:<{width}}  refused"
            continue
        size = sum((target.folder / path).stat().st_size for path in target.files)
        files = "1 file" if len(target.files) == 1 else f"{len(target.files)} files"
        yield f"  {name:<{width}}  {Path(output, str(answer.flow), name)}  ({files}, {size:,} bytes)"


def _flow_document(answer: FlowAnswer, output: str, found: Sequence[Finding]) -> dict[str, Any]:
    """What `compile --format json` tells of a flow."""
    targets = {}
    for name, target in answer.targets.items():
        folder = Path(output, str(answer.flow), name).as_posix()
        about = {"name": target.name, "folder": folder, "files": list(target.files), "package": target.package}
        targets[name] = {"refused": True} if target.refused else {"refused": False, **about}
    said = [finding.as_json() for finding in found if finding.file == answer.file]
    return {
        "file": answer.file,
        "flow": answer.flow,
        "refused": answer.refused,
        "targets": targets,
        "diagnostics": said,
    }
