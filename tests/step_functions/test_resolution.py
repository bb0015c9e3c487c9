"""Settings come from options, environment and profile; what is wrong with them is told in one go."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from penstock.backends.step_functions.resolution import Chosen, name_problems, resolve_settings, tag_problems
from penstock.backends.step_functions.settings import StepFunctionsSettings
from penstock.compiler.diagnostics import Diagnostic
from penstock.compiler.render import render_text
from penstock.runtime_shim.configuration import Configuration

COMPLETE = {
    "METAFLOW_DATASTORE_SYSROOT_S3": "s3://bucket/metaflow",
    "METAFLOW_BATCH_JOB_QUEUE": "queue",
    "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": "arn:aws:iam::123456789012:role/jobs",
    "METAFLOW_SFN_IAM_ROLE": "arn:aws-cn:iam::123456789012:role/path/machine",
}


def resolve(
    environ: dict[str, str], chosen: Chosen | None = None, flow: str = "TestFlow"
) -> tuple[StepFunctionsSettings, tuple[Diagnostic, ...]]:
    configuration = Configuration.load({"METAFLOW_HOME": "/nonexistent", **environ})
    return resolve_settings(flow, ("flow.py",), "ada", configuration, chosen or Chosen())


def said(diagnostics: tuple[Diagnostic, ...]) -> list[str]:
    return [f"{found.code}: {found.message}" for found in diagnostics]


def test_a_complete_configuration_gives_settings_without_complaint() -> None:
    settings, found = resolve(COMPLETE)
    assert found == ()
    assert settings.datastore_root == "s3://bucket/metaflow"
    assert settings.name == "TestFlow"
    assert settings.image == f"python:{sys.version_info.major}.{sys.version_info.minor}"
    assert (settings.vcpus, settings.memory) == (1, 4096)


def test_all_missing_settings_are_told_at_once_with_where_to_set_them() -> None:
    _, found = resolve({})
    assert render_text(found) == (
        "error[P530]: no S3 datastore is configured, where the jobs find their code and store their artifacts\n"
        "  = help: give --datastore-root, set it as the environment variable METAFLOW_DATASTORE_SYSROOT_S3, or under"
        " that key in ~/.metaflowconfig/config.json\n"
        "\n"
        "error[P530]: METAFLOW_BATCH_JOB_QUEUE is not set: the AWS Batch queue for the jobs\n"
        "  = help: set it as the environment variable METAFLOW_BATCH_JOB_QUEUE, or under that key in"
        " ~/.metaflowconfig/config.json\n"
        "\n"
        "error[P530]: METAFLOW_ECS_S3_ACCESS_IAM_ROLE is not set: the role of the jobs' containers, which read and"
        " write the datastore\n"
        "  = help: set it as the environment variable METAFLOW_ECS_S3_ACCESS_IAM_ROLE, or under that key in"
        " ~/.metaflowconfig/config.json\n"
        "\n"
        "error[P530]: METAFLOW_SFN_IAM_ROLE is not set: the role of the state machine, which submits the jobs\n"
        "  = help: set it as the environment variable METAFLOW_SFN_IAM_ROLE, or under that key in"
        " ~/.metaflowconfig/config.json\n"
    )


def test_a_profile_counts_as_the_environment_does(tmp_path: Path) -> None:
    (tmp_path / "config_prod.json").write_text(json.dumps(COMPLETE))
    _, found = resolve({"METAFLOW_HOME": str(tmp_path), "METAFLOW_PROFILE": "prod"})
    assert found == ()


def test_options_win_over_the_configuration() -> None:
    chosen = Chosen(name="nightly", datastore_root="s3://other/", tags=("a",), max_workers=3, workflow_timeout=60)
    settings, found = resolve(COMPLETE, chosen)
    assert found == ()
    assert (settings.datastore_root, settings.name, settings.tags) == ("s3://other", "nightly", ("a",))
    assert (settings.max_workers, settings.workflow_timeout) == (3, 60)


@pytest.mark.parametrize(
    ("image", "registry", "expected"),
    [
        ("team/image:1", "registry.example.com/", "registry.example.com/team/image:1"),
        ("host.example.com/image", "registry.example.com", "host.example.com/image"),
        ("localhost/image", "registry.example.com", "localhost/image"),
        ("host:5000/image", "registry.example.com", "host:5000/image"),
        ("image", "", "image"),
    ],
)
def test_a_registry_stands_before_an_image_that_names_none(image: str, registry: str, expected: str) -> None:
    extra = {"METAFLOW_BATCH_CONTAINER_IMAGE": image, "METAFLOW_BATCH_CONTAINER_REGISTRY": registry}
    assert resolve({**COMPLETE, **extra})[0].image == expected


@pytest.mark.parametrize(("name", "expected"), [(None, "team_TestFlow"), ("n", "team_n"), ("team-n", "team-n")])
def test_the_prefix_stands_before_a_name_that_does_not_begin_with_it(name: str | None, expected: str) -> None:
    environ = {**COMPLETE, "METAFLOW_SFN_STATE_MACHINE_PREFIX": "team"}
    assert resolve(environ, Chosen(name=name))[0].name == expected


@pytest.mark.parametrize(
    ("prefix", "expected"), [("mine", "mine_TestFlow"), ("", "TestFlow"), ("Test", "TestFlow"), (None, "team_TestFlow")]
)
def test_a_prefix_on_the_command_line_wins_over_the_configuration(prefix: str | None, expected: str) -> None:
    environ = {**COMPLETE, "METAFLOW_SFN_STATE_MACHINE_PREFIX": "team"}
    assert resolve(environ, Chosen(name_prefix=prefix))[0].name == expected


def test_containers_get_the_allowed_keys_and_no_others() -> None:
    environ = {
        **COMPLETE,
        "METAFLOW_S3_ENDPOINT_URL": "http://s3.example.com:9000",
        "METAFLOW_SERVICE_AUTH_KEY": "secret",
        "METAFLOW_PRODUCTION_TOKEN": "secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    assert dict(resolve(environ)[0].config) == {"METAFLOW_S3_ENDPOINT_URL": "http://s3.example.com:9000"}


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        (
            {"METAFLOW_DATASTORE_SYSROOT_S3": "/tmp/store"},
            "P531: the datastore root '/tmp/store' is not of the form s3://bucket/prefix",
        ),
        (
            {"METAFLOW_SFN_IAM_ROLE": "machine"},
            "P531: METAFLOW_SFN_IAM_ROLE is 'machine', which is not a role's ARN",
        ),
        (
            {"METAFLOW_S3_ENDPOINT_URL": "https://ada:pw@s3.example.com"},
            (
                "P531: METAFLOW_S3_ENDPOINT_URL holds a user name or a password, and would stand in the compiled job"
                " definition"
            ),
        ),
        (
            {"METAFLOW_DATASTORE_SYSROOT_S3": "s3://bucket/it's"},
            'P532: the datastore root "s3://bucket/it\'s" holds "\'", which States.Format would have to quote',
        ),
        (
            {"METAFLOW_DATASTORE_SYSROOT_S3": "s3://bucket/a\nb"},
            "P532: the datastore root 's3://bucket/a\\nb' holds '\\n', which States.Format would have to quote",
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_told(environ: dict[str, str], sentence: str) -> None:
    assert said(resolve({**COMPLETE, **environ})[1]) == [sentence]


def test_a_name_of_81_characters_is_refused_with_the_number() -> None:
    _, found = resolve(COMPLETE, Chosen(name="n" * 81))
    assert said(found) == [f"P412: the state machine's name '{'n' * 81}' has 81 characters, AWS takes 80"]
    assert list(name_problems("n" * 80)) == []


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a:b", "a$", "ä"])
def test_a_name_with_other_characters_is_refused(name: str) -> None:
    assert [found.code for found in name_problems(name)] == ["P532"]


def test_a_tag_is_printable_text() -> None:
    assert [found.message for found in tag_problems(["fine: Tag", "", "a\nb"])] == [
        "'' can't be a tag",
        "'a\\nb' can't be a tag",
    ]
