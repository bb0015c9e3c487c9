"""What is measured: one function per row of the table, each pairing both programs on the same work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aws
import flows
from measuring import Measured, Unexpected, measure
from workbench import Program, Workbench

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "kit"))
import generated_flows


@dataclass(frozen=True)
class Row:
    """One line of the table.  ``metaflow`` is words where there is nothing to measure, ``goal`` what we aim at."""

    work: str
    metaflow: Measured | str
    penstock: Measured
    goal: str


def compile_linear(bench: Workbench) -> list[Row]:
    """Steps in a line to Step Functions; Metaflow asks AWS while it compiles, so both get the stand-in."""
    small = 500 if bench.full else 100
    rows = []
    with aws.stand_in() as url:
        environment = aws.environment(url)
        arguments = ("step-functions", "create", "--only-json")
        source = generated_flows.linear(small)
        theirs = bench.metaflow.command(
            bench.metaflow.flow(source, "compiled.py"), "--datastore=s3", *arguments, **environment
        )
        ours = bench.penstock.command(bench.penstock.flow(source, "compiled.py"), *arguments, **environment)
        rows.append(
            Row(f"compile {small} linear steps to Step Functions", measure(theirs, 1), measure(ours, 5), "1/200")
        )
        if small != 500:
            file = bench.penstock.flow(generated_flows.linear(500), "compiled500.py")
            alone = measure(bench.penstock.command(file, *arguments, **environment), 5)
            rows.append(Row("compile 500 linear steps to Step Functions", "minutes (BENCH_FULL=1)", alone, "0.4 s"))
    return rows


def compile_to_kubeflow(bench: Workbench) -> list[Row]:
    """Steps in a line to a pipeline, without a server; Metaflow has no such target, Kubeflow's SDK has a compiler."""
    arguments = ("generate-kfp-yaml", "--output-path=-", "--datastore-root=s3://bucket/metaflow")
    rows = []
    for steps, goal in ((2, "imports"), (1_000, "0.4 s beyond imports")):
        name = f"lines{steps}.py"
        sdk = bench.penstock.flow(flows.KFP_DSL.format(steps=steps), f"sdk{steps}.py")
        theirs = f"none; kfp: {measure(bench.penstock.command(sdk), 1).seconds:.1f} s"
        ours = bench.penstock.command(bench.penstock.flow(generated_flows.linear(steps), name), *arguments)
        rows.append(Row(f"compile {steps:,} linear steps to Kubeflow", theirs, measure(ours, 5), goal))
    return rows


def compile_to_argo(bench: Workbench) -> list[Row]:
    """Steps in a line to a workflow template: Metaflow uploads the code before it prints, so both get the stand-in."""
    source = generated_flows.linear(500)
    arguments = ("argo-workflows", "create", "--only-json")
    with aws.stand_in() as url:
        environment = aws.environment(url)
        top = ("--no-pylint", "--datastore=s3", "--with=kubernetes")
        theirs = bench.metaflow.command(bench.metaflow.flow(source, "argo.py"), *top, *arguments, **environment)
        ours = bench.penstock.command(bench.penstock.flow(source, "argo.py"), *arguments, **environment)
        return [Row("compile 500 linear steps to Argo", measure(theirs, 2), measure(ours, 5), "1/5")]


def check_shapes(bench: Workbench) -> list[Row]:
    """Reading and judging a graph, nothing else."""
    few = generated_flows.diamonds(18)
    theirs = measure(bench.metaflow.command(bench.metaflow.flow(few, "few.py"), "--no-pylint", "check"), 1)
    ours = measure(bench.penstock.command(bench.penstock.flow(few, "few.py"), "check"), 5)
    many = bench.penstock.flow(generated_flows.diamonds(500), "many.py")
    long = bench.penstock.flow(generated_flows.linear(10_000), "long.py")
    return [
        Row("check 18 chained diamonds", theirs, ours, "1/60"),
        Row(
            "check 500 chained diamonds",
            "never ends: 2^500 paths",
            measure(bench.penstock.command(many, "check"), 3),
            "1 s",
        ),
        Row("check 10,000 linear steps", _long_check(bench), measure(bench.penstock.command(long, "check"), 3), "3 s"),
    ]


def _long_check(bench: Workbench) -> str:
    """Metaflow ends with a RecursionError there; if it ever does not, that is news and not this row."""
    file = bench.metaflow.flow(generated_flows.linear(10_000), "long.py")
    try:
        measured = measure(bench.metaflow.command(file, "--no-pylint", "check"), 1)
    except Unexpected as failure:
        return "RecursionError" if "RecursionError" in str(failure) else "fails"
    return f"{measured.seconds:.1f} s"


def local_run(bench: Workbench) -> list[Row]:
    """A whole run of a foreach whose tasks do nothing: what the scheduler itself costs."""
    source = generated_flows.foreach(100)
    theirs = bench.metaflow.command(bench.metaflow.flow(source, "wide.py"), "--no-pylint", "run", "--max-workers=2")
    ours = bench.penstock.command(bench.penstock.flow(source, "wide.py"), "run", "--max-workers=2")
    return [Row("run a foreach of 100 empty tasks", measure(theirs, 1), measure(ours, 3), "1/15")]


def _steps(program: Program, source: str, name: str, datastore: str, **extra: str) -> Callable[..., Measured]:
    """``init``, then a function that measures one `step` process by hand, as a scheduler starts it."""
    file = program.flow(source, name)
    top = ("--quiet", f"--datastore={datastore}", "--metadata=local")
    measure(program.command(file, *top, "init", "--run-id=1", "--task-id=0", **extra), 1)

    def step(step_name: str, task: str, inputs: str, times: int = 1) -> Measured:
        each = [
            program.command(
                file,
                *top,
                "step",
                step_name,
                "--run-id=1",
                f"--task-id={task}{turn or ''}",
                f"--input-paths={inputs}",
                **extra,
            )
            for turn in range(times)
        ]
        parts = sorted((measure(command, 1) for command in each), key=lambda part: part.seconds)
        return Measured(parts[len(parts) // 2].seconds, max(part.megabytes for part in parts), 0)

    return step


def one_step(bench: Workbench) -> list[Row]:
    """One plain `step` process, ``self.x = self.x + 1``, as a container runs it."""
    rows = []
    with aws.stand_in() as url:
        for datastore, goal, extra in (("local", "1/2", {}), ("s3", "1/2.5", aws.environment(url))):
            measured = []
            for program in (bench.metaflow, bench.penstock):
                # A root each: they would otherwise find each other's blobs, and write less.
                own = {key: value for key, value in extra.items() if key != "METAFLOW_DATASTORE_SYSROOT_S3"}
                if extra:
                    own["METAFLOW_DATASTORE_SYSROOT_S3"] = f"s3://{aws.BUCKET}/{program.name}"
                step = _steps(program, flows.STEP, f"step_{datastore}.py", datastore, **own)
                step("start", "1", "1/_parameters/0")
                measured.append(step("middle", "2", "1/start/1", times=7))
            rows.append(Row(f"one `step` process, {datastore} datastore", measured[0], measured[1], goal))
    return rows


def wide_join(bench: Workbench) -> list[Row]:
    """The join of a wide foreach on S3; both read the same tasks, which a Penstock run left there."""
    width = 1000 if bench.full else 200
    source = generated_flows.foreach(width)
    measured = []
    with aws.stand_in() as url:
        extra = aws.environment(url)
        top = ("--quiet", "--datastore=s3", "--metadata=local")
        file = bench.penstock.flow(source, "join.py")
        made = ("run", "--run-id-file=run-id", f"--max-num-splits={width}", "--max-workers=2")
        measure(bench.penstock.command(file, *top, *made, **extra), 1)
        run = (bench.penstock.folder / "run-id").read_text(encoding="utf-8").strip()
        aws.add_what_metaflow_reads(url, "metaflow/WideFlow", [f"{run}/work/t.{index}" for index in range(width)])
        inputs = f"{run}/work/:" + ",".join(f"t.{index}" for index in range(width))
        for program in (bench.metaflow, bench.penstock):
            join = program.flow(source, "join.py")
            task = ("step", "join", f"--run-id={run}", f"--task-id={program.name}", f"--input-paths={inputs}")
            measured.append(measure(program.command(join, *top, *task, **extra), 1))
    return [Row(f"join of {width} on S3", measured[0], measured[1], "bulk, parallel")]


def large_array(bench: Workbench) -> list[Row]:
    """An array of random floating point numbers to the local datastore and back, in two processes."""
    megabytes = 1024 if bench.full else 128
    source = flows.ARRAY.format(bytes=megabytes * 2**20)
    measured = []
    for program in (bench.metaflow, bench.penstock):
        step = _steps(program, source, "large_array.py", "local")
        parts = [step("start", "1", "1/_parameters/0"), step("end", "2", "1/start/1")]
        seconds, peak = sum(part.seconds for part in parts), max(part.megabytes for part in parts)
        measured.append(Measured(seconds, peak, 0))
    return [Row(f"a {megabytes} MB array to the datastore and back", measured[0], measured[1], "1/5")]


ROWS: tuple[Callable[[Workbench], list[Row]], ...] = (
    compile_linear,
    compile_to_kubeflow,
    compile_to_argo,
    check_shapes,
    local_run,
    one_step,
    wide_join,
    large_array,
)
"""In the order of the table."""
