"""`make demo`: one flow on real data, run on this machine, compiled for every target, rehearsed, and compared.

Every command is shown as one would type it.  Nothing leaves this machine: names of AWS resources are placeholders, and
what is written lies in ``build/demo``.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from penstock import Run

EXAMPLES = Path(__file__).resolve().parent
BUILD = EXAMPLES.parent / "build" / "demo"
FLOW = "stdlib_census.py"
PLACEHOLDERS = {
    "METAFLOW_DATASTORE_SYSROOT_S3": "s3://example-bucket/metaflow",
    "METAFLOW_BATCH_JOB_QUEUE": "example-queue",
    "METAFLOW_SFN_IAM_ROLE": "arn:aws:iam::123456789012:role/example-states",
    "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": "arn:aws:iam::123456789012:role/example-jobs",
}
COMPILE = {
    "step-functions": ["step-functions", "create", "--only-json"],
    "kfp": ["generate-kfp-yaml", "--output-path", "-"],
    "argo-workflows": ["argo-workflows", "create", "--only-yaml"],
}
"""The command that prints what a target takes, for each target that compiles."""
REHEARSED = {"sfn": "the state machine", "kfp": "the pipeline", "argo": "the workflow"}
"""What the ids of rehearsed runs begin with, before the first dash, and what was rehearsed."""
PACKAGES = '["asyncio", "email", "http", "json", "logging"]'
LAST_LINES = 9
"""Of a run: the last task's.  Of a rehearsal, which shows the same once more, fewer."""
LAST_OF_REHEARSAL = 3
TASK = re.compile(r"^[-0-9]+ [:.0-9]+ \[[^/\]]+/(\S+?)(?: \(pid \d+\))?\] ")
"""What stands before each line that a task writes: time, run, step, task, process."""


def environment(**extra: str) -> dict[str, str]:
    """Without a profile of yours, and with everything stored in the demo's folder."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("METAFLOW_", "PENSTOCK_", "AWS_"))}
    python = Path(sys.executable).parent
    return own | {
        "PATH": f"{python}{os.pathsep}{own.get('PATH', '')}",
        "METAFLOW_HOME": str(BUILD / "no-profile"),
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(BUILD),
        **extra,
    }


def say(text: str) -> None:
    """A heading, or a finding."""
    print(text, flush=True)


def flow(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Show ``python flow.py …`` and run it.

    Ends the demo with the command's exit code when it fails.
    """
    say(f"\n$ python {FLOW} {shlex.join(arguments)}")
    answer = subprocess.run(
        [sys.executable, str(EXAMPLES / FLOW), *arguments],
        cwd=EXAMPLES,
        env=environment(**extra),
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        say(answer.stdout + answer.stderr)
        raise SystemExit(answer.returncode)
    return answer


def show_end(output: str, last: int = LAST_LINES) -> None:
    """The last lines, without the time and the run's id that stand before each."""
    lines = [TASK.sub(r"[\1] ", line) for line in output.rstrip().splitlines()]
    say(f"  … {len(lines) - last} lines")
    say("\n".join(f"  {line}" for line in lines[-last:]))


def parts_of(document: str) -> str:
    """How many states a state machine has, or tasks a pipeline or a workflow, those of inner ones included."""
    if document.startswith("{"):
        return f"{count(json.loads(document), 'States')} states"
    return f"{count(list(yaml.safe_load_all(document)), 'tasks')} tasks"


def count(document: object, field: str) -> int:
    """How many entries the objects called ``field`` have, wherever they stand."""
    if isinstance(document, dict):
        own = len(document[field]) if isinstance(document.get(field), (dict, list)) else 0
        return own + sum(count(value, field) for value in document.values())
    if isinstance(document, list):
        return sum(count(value, field) for value in document)
    return 0


def compile_for_every_target() -> None:
    """Show what each target's document looks like from afar; it goes to ``build/demo``."""
    from penstock.backends.registry import infos

    for name, info in infos().items():
        if name == "local":
            continue
        document = flow(*COMPILE[name], **PLACEHOLDERS).stdout
        file = BUILD / f"{name}.{'json' if document.startswith('{') else 'yaml'}"
        file.write_text(document, encoding="utf-8")
        size = len(document.encode())
        say(f"  {info.title}: {parts_of(document)}, {size:,} bytes, in {file.relative_to(EXAMPLES.parent)}")


def compare() -> bool:
    """Whether every task of all runs left the same artifacts; the Client reads them from the same folder."""
    from penstock import Flow, namespace

    namespace(None)
    runs = list(Flow("StdlibCensusFlow"))
    (ran,) = (run for run in runs if run.id.partition("-")[0] not in REHEARSED)
    rehearsed = sorted((run for run in runs if run is not ran), key=lambda run: run.id, reverse=True)
    return all(same(ran, other) for other in rehearsed) and len(rehearsed) == len(REHEARSED)


def same(ran: Run, rehearsed: Run) -> bool:
    """Whether every task of the two runs left the same artifacts."""
    what = REHEARSED[rehearsed.id.partition("-")[0]]
    say(f"\nThe same, task by task?  {ran.id} (run here)  |  {rehearsed.id} ({what}, rehearsed)")
    equal = different = 0
    for step in ran:
        for task in step:
            other = rehearsed[step.id][task.id]
            mine = {artifact.id: artifact.sha for artifact in task if not artifact.id.startswith("_")}
            theirs = {artifact.id: artifact.sha for artifact in other if not artifact.id.startswith("_")}
            equal += mine == theirs
            different += mine != theirs
            if mine != theirs:
                say(f"  different: {task.pathspec} and {other.pathspec}: {set(mine.items()) ^ set(theirs.items())}")
    say(f"  {equal} tasks with equal artifacts, {different} with different ones")
    return different == 0 and equal > 0


def main() -> int:
    """The demo; its exit code is 0 only when all runs agree."""
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    os.environ.update(environment())
    say("1. A flow over the sources of this Python's standard library, run on this machine")
    show_end(flow("run", "--packages", PACKAGES).stdout)
    say("\n2. Compiled for every target there is, without an account")
    compile_for_every_target()
    say("\n3. The compiled state machine, rehearsed: each job's real command line in a clean process")
    show_end(flow("step-functions", "rehearse", "--packages", PACKAGES).stdout, LAST_OF_REHEARSAL)
    say("\n4. The compiled pipeline, rehearsed in the same way")
    show_end(flow("kfp", "rehearse", "--packages", PACKAGES).stdout, LAST_OF_REHEARSAL)
    say("\n5. And the compiled workflow")
    show_end(flow("argo-workflows", "rehearse", "--packages", PACKAGES).stdout, LAST_OF_REHEARSAL)
    if not compare():
        return 1
    say("\nNext: README.md, and `.venv/bin/python examples/hello.py --help`.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
