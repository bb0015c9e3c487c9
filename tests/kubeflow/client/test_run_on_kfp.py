"""`run-on-kfp`: what the server is asked, and what the user is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Outcome
from kfp_server import KfpServer

from .conftest import Run


def started(done: Outcome) -> str:
    """The run's id on the server."""
    assert done.code == 0, done.err
    (line,) = [line for line in done.out.splitlines() if line.startswith("Run kfp-")]
    return line.removeprefix("Run kfp-").removesuffix(" started.")


def test_a_run_is_asked_for_with_the_pipeline_and_the_parameters(flow: Run, kfp: KfpServer) -> None:
    who = 'O\'Brien $(touch x) "q"\n\t{} ünïcode {{ not }}'
    done = flow(
        *("run-on-kfp", "--experiment-name", "trials", "--run-name", "first", "--service-account", "runner"),
        *("--pipeline-root", "s3://b/root", "--who", who, "--times=3", "--rate", "0.5", "--loud", "yes"),
        '--options={"a": [1, null]}',
    )
    (body,) = [asked.body for asked in kfp.told("POST", "/runs")]
    (experiment,) = kfp.experiments.values()
    assert experiment.display_name == "trials"
    assert body["experiment_id"] == experiment.experiment_id
    assert (body["display_name"], body["service_account"]) == ("first", "runner")
    assert body["runtime_config"] == {
        "parameters": {"who": who, "times": 3, "rate": 0.5, "loud": True, "options": '{"a": [1, null]}'},
        "pipeline_root": "s3://b/root",
    }
    assert body["pipeline_spec"]["pipelineInfo"]["name"] == "greetflow"
    assert started(done) in kfp.runs


def test_code_goes_up_before_the_run_starts_and_once(flow: Run, kfp: KfpServer) -> None:
    first, second = flow("run-on-kfp", "--who", "x"), flow("run-on-kfp", "--who", "x")
    package = first.out.split()[2]
    assert package.startswith("s3://penstock-tests/metaflow/GreetFlow/data/")
    assert first.out.splitlines()[0] == f"code package   {package}  uploaded"
    assert second.out.splitlines()[0] == f"code package   {package}  unchanged"
    executor = next(iter(kfp.runs[started(first)].model.pipeline_spec["deploymentSpec"]["executors"].values()))
    assert {"name": "PENSTOCK_PACKAGE", "value": package.rpartition("/")[2]} in executor["container"]["env"]


def test_a_run_has_the_flow_as_experiment_and_a_name_with_the_time(flow: Run, kfp: KfpServer) -> None:
    run = kfp.runs[started(flow("run-on-kfp", "--who", "x"))].model
    assert [experiment.display_name for experiment in kfp.experiments.values()] == ["GreetFlow"]
    assert run.display_name.startswith("GreetFlow 20")


def test_an_experiment_that_is_there_is_used_again(flow: Run, kfp: KfpServer) -> None:
    for _ in range(2):
        started(flow("run-on-kfp", "--who", "x", KF_PIPELINES_DEFAULT_EXPERIMENT_NAME="team"))
    assert [experiment.display_name for experiment in kfp.experiments.values()] == ["team"]


def test_the_address_is_the_prefix_and_the_id(flow: Run, kfp: KfpServer) -> None:
    done = flow("run-on-kfp", "--who", "x", KFP_RUN_URL_PREFIX="https://kfp.example.com/runs/details/")
    assert done.out.splitlines()[-1] == f"https://kfp.example.com/runs/details/{started(done)}"
    done = flow("run-on-kfp", "--who", "x")
    assert done.out.splitlines()[-1] == f"{kfp.url}/#/runs/details/{started(done)}"


def test_a_profile_says_where(flow: Run, kfp: KfpServer, tmp_path: Path, environment: dict[str, str]) -> None:
    folder = tmp_path / ".metaflowconfig"
    folder.mkdir()
    keys = ("METAFLOW_DATASTORE_SYSROOT_S3", "KF_PIPELINES_ENDPOINT")
    profile = {key: environment.pop(key) for key in keys} | {"KFP_RUN_URL_PREFIX": "https://kfp.example.com/"}
    (folder / "config_prod.json").write_text(json.dumps(profile))
    done = flow("run-on-kfp", "--who", "x", METAFLOW_PROFILE="prod")
    assert done.out.splitlines()[-1] == f"https://kfp.example.com/{started(done)}"


def test_the_id_is_written_to_a_file(flow: Run, tmp_path: Path) -> None:
    done = flow("run-on-kfp", "--who", "x", "--run-id-file", str(tmp_path / "id"))
    assert (tmp_path / "id").read_text() == f"kfp-{started(done)}"


def test_no_run_is_started_whose_id_cannot_be_written(flow: Run, kfp: KfpServer) -> None:
    done = flow("run-on-kfp", "--who", "x", "--run-id-file", "no/id")
    assert done.code == 1
    assert done.err == "error[P509]: cannot write no/id: No such file or directory\n"
    assert kfp.runs == {}


@pytest.mark.parametrize(
    ("arguments", "variables", "header", "value"),
    [
        (["--token", "t0ken"], {}, "authorization", "Bearer t0ken"),
        ([], {"KFP_EXISTING_TOKEN": "t0ken"}, "authorization", "Bearer t0ken"),
        (["--token-file", "token"], {}, "authorization", "Bearer from-file"),
        ([], {"KF_PIPELINES_SA_TOKEN_PATH": "token"}, "authorization", "Bearer from-file"),
        (["--cookies", "authservice_session=abc"], {}, "cookie", "authservice_session=abc"),
        ([], {"KFP_COOKIES": "authservice_session=abc"}, "cookie", "authservice_session=abc"),
    ],
)
def test_every_request_is_signed(
    flow: Run, kfp: KfpServer, tmp_path: Path, arguments: list[str], variables: dict[str, str], header: str, value: str
) -> None:
    (tmp_path / "token").write_text("from-file")
    setattr(kfp, "token" if header == "authorization" else "cookie", value.removeprefix("Bearer "))
    started(flow("run-on-kfp", "--who", "x", *arguments, **variables))
    assert {asked.headers[header] for asked in kfp.asked} == {value}


def test_a_server_for_many_users_is_told_whose_run_it_is(flow: Run, kfp: KfpServer) -> None:
    kfp.multi_user = True
    done = flow("run-on-kfp", "--who", "x")
    assert (done.code, done.err) == (
        1,
        (
            f"error[P552]: {kfp.url} is for many users, and it isn't said whose runs are meant\n"
            "  = help: give --namespace, or set METAFLOW_KFP_NAMESPACE\n"
        ),
    )
    run = kfp.runs[started(flow("run-on-kfp", "--who", "x", "--namespace", "ada"))]
    assert run.namespace == "ada"
    run = kfp.runs[started(flow("run-on-kfp", "--who", "x", METAFLOW_KFP_NAMESPACE="bob"))]
    assert run.namespace == "bob"


def test_nothing_is_written_to_the_home_folder(flow: Run, tmp_path: Path) -> None:
    started(flow("run-on-kfp", "--who", "x"))
    assert not (tmp_path / ".config").exists()


def test_values_that_would_arrive_as_others_are_refused(flow: Run, kfp: KfpServer) -> None:
    done = flow("run-on-kfp", "--who", "{{$.inputs}}", "--times", "9007199254740993", "--rate", "nan")
    assert (done.code, done.err) == (
        1,
        (
            "error[P554]: the parameter `rate` is nan, which Kubeflow can't keep\n"
            "  = help: make it a parameter of type str\n\n"
            "error[P554]: the parameter `times` is 9007199254740993, and Kubeflow keeps whole numbers up to "
            "9,007,199,254,740,992 only\n"
            "  = help: make it a parameter of type str\n\n"
            "error[P554]: the parameter `who` holds `{{$`, which Kubeflow would replace\n"
            "  = help: leave it out, or store the text and pass its key\n"
        ),
    )
    assert kfp.asked == []


def test_values_that_no_pod_takes_are_refused(flow: Run, kfp: KfpServer) -> None:
    done = flow("run-on-kfp", "--who", "w" * 120_000)
    assert done.err == (
        "error[P554]: the parameters have 120,011 bytes, a pod takes 100,000\n"
        "  = help: store a large value, and pass its key\n"
    )
    assert flow("run-on-kfp", "--who", "w" * 90_000).code == 0
    assert kfp.asked


def test_half_a_surrogate_pair_is_refused(flow: Run) -> None:
    done = flow("run-on-kfp", "--who", "\ud83d")
    assert done.err.startswith("error[P554]: the parameter `who` is no Unicode text\n")


def test_a_missing_parameter_is_told_before_anything_is_asked(flow: Run, kfp: KfpServer) -> None:
    done = flow("run-on-kfp", "--times", "many")
    assert done.code == 2
    assert "parameter `who` is required: give --who STR" in done.err
    assert "parameter `times` must be an integer, not 'many'" in done.err
    assert kfp.asked == []


def test_a_timeout_needs_wait(flow: Run) -> None:
    done = flow("run-on-kfp", "--who", "x", "--timeout", "5")
    assert (done.code, done.err.splitlines()[-1]) == (2, "Error: the time limit is one of the waiting: give --wait too")


NAMES = ("host", "token", "image", "timeout", "wait", "cookies", "experiment-name", "code_url")


def named_as_options(flow: Path) -> None:
    """A flow whose parameters have the names of options."""
    declared = "".join(f'    p{i} = Parameter("{name}", default="of the flow")\n' for i, name in enumerate(NAMES))
    steps = (
        "    @step\n    def start(self):\n        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n"
    )
    head = "from penstock import FlowSpec, Parameter, step\n\nclass GreetFlow(FlowSpec):\n"
    flow.write_text(f'{head}{declared}\n{steps}\nif __name__ == "__main__":\n    GreetFlow()\n')


def test_parameters_may_have_the_names_of_options(flow: Run, kfp: KfpServer, tmp_path: Path) -> None:
    named_as_options(tmp_path / "flow.py")
    given = [f"--{name}={name.upper()}" for name in NAMES]
    ours = [f"--kfp-host={kfp.url}", "--kfp-token=t", "--kfp-image=x:1", "--kfp-experiment-name=e"]
    uuid = started(flow("run-on-kfp", *given, *ours, KF_PIPELINES_ENDPOINT=""))
    (body,) = [asked.body for asked in kfp.told("POST", "/runs")]
    assert body["runtime_config"]["parameters"] == {name: name.upper() for name in NAMES}
    container = kfp.runs[uuid].model.pipeline_spec["deploymentSpec"]["executors"]["exec-start"]["container"]
    assert container["image"] == "x:1"
    assert [experiment.display_name for experiment in kfp.experiments.values()] == ["e"]
    page = flow("run-on-kfp", "--help").out
    assert "--kfp-host URL" in page
    assert "--host STR" in page
    assert "--pipeline-root URL" in page


def test_a_run_from_a_url_needs_no_upload(flow: Run, kfp: KfpServer) -> None:
    url = "https://files.example.com/flow.py"
    done = flow("run-on-kfp", "--who", "x", "--image", "team/a:1", "--code-url", f"{url}#sha256={'0' * 64}")
    uuid = started(done)
    assert "code package" not in done.out
    executor = next(iter(kfp.runs[uuid].model.pipeline_spec["deploymentSpec"]["executors"].values()))
    variables = {each["name"]: each["value"] for each in executor["container"]["env"]}
    assert (variables["PENSTOCK_CODE_URL"], variables["PENSTOCK_CODE_SHA256"]) == (url, "0" * 64)
    assert "PENSTOCK_PACKAGE" not in variables
