"""create, deploy, trigger and list-runs, typed as a user types them, against AWS on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FLOW = """
from penstock import FlowSpec, JSONType, Parameter, step

class GreetFlow(FlowSpec):
    name_ = Parameter("who", help="Whom to greet.", required=True)
    times = Parameter("times", default=1)
    options = Parameter("options", type=JSONType)
    rate = Parameter("rate", type=float)
    note = Parameter("note", type=str)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        print(self.name_)

if __name__ == "__main__":
    GreetFlow()
"""

Command = Callable[..., Any]
Aws = Callable[[str], Any]


@pytest.fixture
def flow(flow_file: Callable[[str, str], Path]) -> Path:
    return flow_file(FLOW, "flow.py")


def test_only_json_prints_the_machine_and_needs_nobody(flow: Path, process: Command) -> None:
    """No credentials, no network: the endpoint is a port where nobody listens."""
    dead = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    done = process("flow.py", "step-functions", "create", "--only-json", **dead)
    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout)["States"]) == ["put input", "start", "end"]
    object_line, definition, queue = done.stderr.splitlines()[1:]
    assert object_line.startswith("  object s3://penstock-tests/metaflow/GreetFlow/data/")
    assert definition.startswith("  job definition penstock-GreetFlow-")
    assert queue == "  job queue penstock-tests"


def test_everything_missing_is_told_and_nothing_printed(flow: Path, command: Command) -> None:
    unset = {"METAFLOW_DATASTORE_SYSROOT_S3": "", "METAFLOW_BATCH_JOB_QUEUE": "", "METAFLOW_SFN_IAM_ROLE": ""}
    done = command("flow.py", "step-functions", "create", "--only-json", "--name", "a b", "--tag", "", **unset)
    assert (done.returncode, done.stdout) == (1, "")
    found = [line.split(":")[0] for line in done.stderr.splitlines() if line.startswith("error")]
    assert found == ["error[P530]"] * 3 + ["error[P532]"] * 2


def test_two_compilations_give_the_same_bytes_under_any_hash_seed(flow: Path, process: Command) -> None:
    runs = [process("flow.py", "step-functions", "create", "--only-json", PYTHONHASHSEED=seed) for seed in "012"]
    assert len({(run.stdout, run.stderr) for run in runs}) == 1


def test_create_does_all_of_it_and_again_nothing(flow: Path, command: Command, aws: Aws) -> None:
    first = command("flow.py", "step-functions", "create")
    assert first.returncode == 0, first.stderr
    assert [line.rsplit(None, 1)[1] for line in first.stdout.splitlines()] == ["uploaded", "registered", "created"]
    before = aws("stepfunctions").list_state_machines()["stateMachines"]
    described = aws("stepfunctions").describe_state_machine(stateMachineArn=before[0]["stateMachineArn"])
    again = command("flow.py", "step-functions", "create")
    assert [line.rsplit(None, 1)[1] for line in again.stdout.splitlines()] == ["unchanged"] * 3
    assert [line.rsplit(None, 1)[0] for line in again.stdout.splitlines()] == [
        line.rsplit(None, 1)[0] for line in first.stdout.splitlines()
    ]
    after = aws("stepfunctions").describe_state_machine(stateMachineArn=before[0]["stateMachineArn"])
    assert {**after, "ResponseMetadata": None} == {**described, "ResponseMetadata": None}


def test_a_change_updates_what_is_different(flow: Path, command: Command, aws: Aws) -> None:
    command("flow.py", "step-functions", "create")
    timed = command("flow.py", "step-functions", "create", "--workflow-timeout", "60")
    assert [line.rsplit(None, 1)[1] for line in timed.stdout.splitlines()] == ["unchanged", "unchanged", "updated"]
    flow.write_text(FLOW.replace("print(self.name_)", "print(self.times)"))
    changed = command("flow.py", "step-functions", "create", "--workflow-timeout", "60")
    assert [line.rsplit(None, 1)[1] for line in changed.stdout.splitlines()] == ["uploaded", "registered", "updated"]
    assert len(aws("stepfunctions").list_state_machines()["stateMachines"]) == 1


def test_a_bundle_is_deployed_exactly(flow: Path, command: Command, aws: Aws, tmp_path: Path) -> None:
    written = command("flow.py", "step-functions", "create", "-o", "bundle")
    assert written.returncode == 0, written.stderr
    assert aws("stepfunctions").list_state_machines()["stateMachines"] == []
    assert "Contents" not in aws("s3").list_objects_v2(Bucket="penstock-tests")
    flow.write_text(FLOW.replace("print(self.name_)", "print(self.times)"))  # what is deployed is what was written
    done = command("flow.py", "step-functions", "deploy", "bundle")
    assert [line.rsplit(None, 1)[1] for line in done.stdout.splitlines()] == ["uploaded", "registered", "created"]
    (listed,) = json.loads((tmp_path / "bundle" / "objects.json").read_text())
    stored = aws("s3").get_object(Bucket="penstock-tests", Key=f"metaflow/{listed['key']}")
    assert stored["Body"].read() == (tmp_path / "bundle" / listed["file"]).read_bytes()
    assert json.loads(stored["Metadata"]["metaflow-user-attributes"]) == {"cas_raw": True, "cas_version": 1}
    (machine,) = aws("stepfunctions").list_state_machines()["stateMachines"]
    described = aws("stepfunctions").describe_state_machine(stateMachineArn=machine["stateMachineArn"])
    assert described["definition"] == (tmp_path / "bundle" / "state-machine.json").read_text()


def test_a_bundle_of_another_flow_is_refused(flow: Path, command: Command, tmp_path: Path) -> None:
    command("flow.py", "step-functions", "create", "-o", "bundle")
    (tmp_path / "other.py").write_text(FLOW.replace("GreetFlow", "OtherFlow"))
    done = command("other.py", "step-functions", "deploy", "bundle")
    assert done.returncode == 1
    assert done.stderr == (
        "error[P537]: the bundle in bundle is of the flow GreetFlow, not of OtherFlow\n"
        "  = help: deploy it with its own flow file\n"
    )


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ([], "was not made by Penstock"),
        ([{"key": "penstock:flow", "value": "OtherFlow"}], "belongs to the flow OtherFlow, not to GreetFlow"),
    ],
)
def test_a_state_machine_of_somebody_else_is_left_alone(
    flow: Path, command: Command, aws: Aws, tags: list[dict[str, str]], reason: str
) -> None:
    machine = '{"StartAt":"a","States":{"a":{"Type":"Succeed"}}}'
    role = "arn:aws:iam::123456789012:role/penstock-tests"
    arn = aws("stepfunctions").create_state_machine(name="GreetFlow", definition=machine, roleArn=role, tags=tags)[
        "stateMachineArn"
    ]
    for arguments in (["create"], ["trigger", "--who", "x"], ["list-runs"]):
        done = command("flow.py", "step-functions", *arguments)
        assert done.returncode == 1
        assert done.stderr == (
            f"error[P538]: the state machine GreetFlow exists and {reason}: it is left alone\n"
            "  = help: choose another name with --name\n"
        )
    assert aws("stepfunctions").describe_state_machine(stateMachineArn=arn)["definition"] == machine
    assert "Contents" not in aws("s3").list_objects_v2(Bucket="penstock-tests")
    assert aws("batch").describe_job_definitions()["jobDefinitions"] == []


def test_a_missing_queue_is_told_before_anything_is_touched(flow: Path, command: Command, aws: Aws) -> None:
    done = command("flow.py", "step-functions", "create", METAFLOW_BATCH_JOB_QUEUE="nowhere")
    assert done.returncode == 1
    assert done.stderr == (
        "error[P539]: there is no job queue nowhere in the region eu-west-1\n"
        "  = help: correct METAFLOW_BATCH_JOB_QUEUE, the queue of @batch, or AWS_REGION\n"
    )
    assert aws("stepfunctions").list_state_machines()["stateMachines"] == []


def test_an_endpoint_where_nobody_listens_is_one_sentence(flow: Path, command: Command) -> None:
    done = command("flow.py", "step-functions", "list-runs", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert done.returncode == 1
    assert done.stderr == (
        "error[P539]: could not look for the state machine GreetFlow: http://127.0.0.1:9/ can't be reached"
        " (EndpointConnectionError)\n"
        "  = help: check the network, AWS_REGION and AWS_ENDPOINT_URL\n"
    )


def test_no_credentials_is_one_sentence(flow: Path, command: Command) -> None:
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}
    done = command("flow.py", "step-functions", "create", **nobody)
    assert done.returncode == 1
    assert done.stderr == (
        "error[P539]: could not look for the state machine GreetFlow: no AWS credentials found\n"
        "  = help: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws sso login`\n"
    )


def test_trigger_starts_an_execution_with_the_parameters(flow: Path, command: Command, aws: Aws) -> None:
    command("flow.py", "step-functions", "create")
    who = 'O\'Brien $(touch x) "q"\n\t{} ünïcode'
    done = command(
        "flow.py", "step-functions", "trigger", "--who", who, "--times=3", '--options={"a": [1, null]}', "--rate=nan"
    )
    assert done.returncode == 0, done.stderr
    run, arn = done.stdout.splitlines()
    execution = aws("stepfunctions").describe_execution(executionArn=arn)
    assert run == f"Run sfn-{execution['name']} started."
    assert json.loads(execution["input"]) == {"who": who, "times": 3, "options": {"a": [1, None]}, "rate": "nan"}


def test_trigger_says_everything_that_is_wrong_with_the_parameters(flow: Path, command: Command) -> None:
    done = command("flow.py", "step-functions", "trigger", "--times=many", "--options={")
    assert done.returncode == 2
    assert "parameter `who` is required: give --who STR" in done.stderr
    assert "parameter `times` must be an integer, not 'many'" in done.stderr
    assert "parameter `options` must be valid JSON, not '{'" in done.stderr


def test_parameters_above_256_kilobytes_are_refused_with_the_number(flow: Path, command: Command, aws: Aws) -> None:
    command("flow.py", "step-functions", "create")
    values = {"METAFLOW_RUN_NOTE": "n" * 100_000, "METAFLOW_RUN_OPTIONS": json.dumps("o" * 100_000)}
    done = command("flow.py", "step-functions", "trigger", "--who", "w" * 62_000, **values)
    assert done.returncode == 0, done.stderr
    done = command("flow.py", "step-functions", "trigger", "--who", "ü" * 40_000, **values)
    assert done.returncode == 1
    assert done.stderr == (
        "error[P413]: the parameters have 280,042 bytes, Step Functions takes 262,144 as an execution's input\n"
        "  = help: store a large value, and pass its key\n"
    )


def test_no_run_is_started_whose_id_cannot_be_written(flow: Path, command: Command, aws: Aws) -> None:
    assert command("flow.py", "step-functions", "create").returncode == 0
    done = command("flow.py", "step-functions", "trigger", "--who", "x", "--run-id-file", "no/id")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error[P509]: cannot write no/id: No such file or directory\n"
    assert "has had no runs yet" in command("flow.py", "step-functions", "list-runs").stdout


def test_trigger_before_create_says_what_is_missing(flow: Path, command: Command, aws: Aws) -> None:
    done = command("flow.py", "step-functions", "trigger", "--who", "x")
    assert done.returncode == 1
    assert done.stderr == (
        "error[P538]: there is no state machine GreetFlow in the region eu-west-1\n"
        "  = help: deploy the flow first: step-functions create\n"
    )


def test_list_runs_shows_the_newest_first(flow: Path, command: Command, aws: Aws) -> None:
    command("flow.py", "step-functions", "create")
    assert command("flow.py", "step-functions", "list-runs").stdout == "GreetFlow has had no runs yet.\n"
    started = [command("flow.py", "step-functions", "trigger", "--who", "x").stdout.split()[1] for _ in range(3)]
    done = command("flow.py", "step-functions", "list-runs", "--max", "2")
    heading, *rows = [line.split() for line in done.stdout.splitlines()]
    assert heading == ["RUN", "STATUS", "STARTED", "DURATION"]
    assert [row[0] for row in rows] == [started[2], started[1]]
    assert {row[1] for row in rows} == {"running"}


def test_help_shows_examples(flow: Path, command: Command) -> None:
    done = command("flow.py", "step-functions", "create", "--help")
    assert "python flow.py step-functions create -o bundle" in done.stdout
    assert "Whom to greet." in command("flow.py", "step-functions", "trigger", "--help").stdout


def test_only_json_and_a_folder_exclude_each_other(flow: Path, command: Command) -> None:
    done = command("flow.py", "step-functions", "create", "--only-json", "-o", "x")
    assert done.returncode == 2
    assert "--only-json, -o and --show-policy exclude each other" in done.stderr


def test_package_push_uploads_what_only_json_lists(flow: Path, command: Command, aws: Aws) -> None:
    listed = command("flow.py", "step-functions", "create", "--only-json").stderr.split("object ")[1].split()[0]
    assert command("flow.py", "package", "push").stdout == f"{listed}  uploaded\n"
    assert command("flow.py", "package", "push").stdout == f"{listed}  unchanged\n"


def test_package_list_and_save_show_what_is_in_it(flow: Path, command: Command, tmp_path: Path) -> None:
    (tmp_path / "query.sql").write_text("select 1")
    listed = command("flow.py", "--package-suffixes", ".sql", "package", "list")
    names = [line.split()[1] for line in listed.stdout.splitlines()[:-1]]
    assert {"flow.py", "query.sql", "penstock_plan.json", "penstock/__init__.py"} <= set(names)
    saved = command("flow.py", "--package-suffixes", ".sql", "package", "save", "code.tar.gz")
    assert saved.stdout.split("sha ")[1] == listed.stdout.split("sha ")[1]
    assert (tmp_path / "code.tar.gz").stat().st_size > 10_000


def test_a_package_that_cannot_be_written_is_told(flow: Path, command: Command) -> None:
    done = command("flow.py", "package", "save", "no/such/folder/code.tar.gz")
    assert done.returncode == 2
    assert done.stderr.endswith("Error: no/such/folder/code.tar.gz can't be written: No such file or directory\n")


def test_runs_are_listed_by_status_and_terminated(flow: Path, command: Command, aws: Aws) -> None:
    assert command("flow.py", "step-functions", "create").returncode == 0
    run = command("flow.py", "step-functions", "trigger", "--who", "x").stdout.split()[1]
    other = command("flow.py", "step-functions", "trigger", "--who", "y").stdout.split()[1]
    assert command("flow.py", "step-functions", "terminate", run).stdout == f"Run {run} is terminated.\n"
    assert command("flow.py", "step-functions", "terminate", run).stdout == f"Run {run} had ended before.\n"

    def listed(*options: str) -> set[str]:
        lines = command("flow.py", "step-functions", "list-runs", *options).stdout.splitlines()[1:]
        return {text.split()[0] for text in lines}

    assert listed("--aborted") == {run}
    assert listed("--running") == {other}
    assert listed("--running", "--aborted") == listed() == {run, other}
    assert command("flow.py", "step-functions", "list-runs", "--failed").stdout == "GreetFlow has no such runs.\n"


def test_a_run_that_there_is_not_is_told(flow: Path, command: Command, aws: Aws) -> None:
    assert command("flow.py", "step-functions", "create").returncode == 0
    done = command("flow.py", "step-functions", "terminate", "sfn-nowhere")
    assert (done.returncode, done.stderr) == (
        1,
        "error[P538]: GreetFlow has no run sfn-nowhere\n  = help: `step-functions list-runs` shows which it has\n",
    )


def test_a_machine_is_deleted_once(flow: Path, command: Command, aws: Aws) -> None:
    assert command("flow.py", "step-functions", "create").returncode == 0
    assert command("flow.py", "step-functions", "delete").stdout == "state machine  GreetFlow  deleted\n"
    assert aws("stepfunctions").list_state_machines()["stateMachines"] == []
    assert "there is no state machine GreetFlow" in command("flow.py", "step-functions", "delete").stderr
