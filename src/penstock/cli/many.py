"""The commands of `penstock` about several flow files: `check`, `compile`, `diff`."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock.cli.compile_options import TARGETS, WITH, compiled_with, known_targets

if TYPE_CHECKING:
    from penstock.cli.findings import Finding
    from penstock.cli.flow_files import FlowAnswer, Question


def _format(*forms: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    chosen = click.Choice(["text", "json", *forms])
    return click.option("--format", "form", type=chosen, default="text", show_default=True, help="How it is printed.")


_FILES = click.argument("files", nargs=-1, required=True, metavar="FLOW.py…")


@click.command(short_help="Check flows, and say everything that is wrong with them.")
@_FILES
@TARGETS
@WITH
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
        answers = _ask(files, Question(known_targets(targets), decospecs=decospecs), folder)
    found = findings(answers)
    match form:
        case "json":
            click.echo(json.dumps([finding.as_json() for finding in found], indent=1))
        case "github":
            click.echo(github_annotations(((each.diagnostic, each.file) for each in found), _in_workspace), nl=False)
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
@compiled_with
@_format()
def compile_flows(
    files: tuple[str, ...],
    output: str,
    question: Question,
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
      penstock compile flow.py -o deploy --for argo-workflows "--workflow-timeout 7200 --on-exit tell-us"
      penstock compile flows/*.py -o deploy --format json | jq '.flows[].targets'
    """
    from penstock.cli.compiled_folder import write_folder
    from penstock.cli.findings import exit_code, findings, show

    with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
        answers = _ask(files, replace(question, output=output), folder)
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
@compiled_with
@_format()
@click.pass_context
def diff(
    ctx: click.Context,
    /,
    before: str,
    after: tuple[str, ...],
    question: Question,
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

    old = read_folder(before)
    if len(after) == 1 and not after[0].endswith(".py"):
        _demand_nothing_given(ctx)
        answers: list[FlowAnswer] = []
        new = read_folder(after[0])
    else:
        with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
            answers = _ask(after, replace(question, output=before), folder)
            new = of_answers(answers)
        if any(answer.flow is None for answer in answers):
            old = old.about({answer.flow for answer in answers})
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


def _demand_nothing_given(ctx: click.Context) -> None:
    """Raises click.UsageError for an option to compile with, where nothing is compiled."""
    given = click.core.ParameterSource.COMMANDLINE
    for param in ctx.command.params:
        if param.name not in ("before", "after", "form") and ctx.get_parameter_source(str(param.name)) is given:
            raise click.UsageError(f"{param.opts[0]} is for flow files: two folders are compared as they are")


def _ask(files: Sequence[str], question: Question, folder: str) -> list[FlowAnswer]:
    from penstock.cli.flow_files import ask

    return ask(files, question, Path(folder))


def _known_refusal(finding: Finding, refused: frozenset[tuple[str, str]]) -> bool:
    return bool(finding.targets) and all((finding.flow, target) in refused for target in finding.targets)


def _in_workspace(path: str) -> str:
    """The path from the top of the repository that GitHub Actions has checked out, wherever the command runs."""
    top = os.environ.get("GITHUB_WORKSPACE")
    below = os.path.relpath(path, top) if top else path
    return path if below.startswith("..") else below


def _title(answer: FlowAnswer) -> str:
    return answer.file if answer.flow is None else f"{answer.flow} ({answer.file})"


def _checked(answer: FlowAnswer) -> str:
    if answer.failed:
        return "failed"
    refusing = [name for name, target in answer.targets.items() if target.refused]
    if refusing:
        return f"refused by {', '.join(refusing)}"
    return "refused" if answer.refused else "good"


def _written(answer: FlowAnswer, output: str) -> Iterable[str]:
    yield _title(answer) + ("" if answer.targets else ": failed" if answer.failed else ": refused")
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
