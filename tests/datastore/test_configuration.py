"""Environment over profile over defaults; a profile that cannot be read is told."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.runtime_shim.configuration import KEYS, Configuration, ProfileMissing, ProfileUnreadable
from penstock.runtime_shim.identity import default_namespace, user_name


@pytest.fixture
def home(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Writes profile files, and gives the environment that names their folder."""

    def write(**files: str) -> dict[str, str]:
        for name, text in files.items():
            (tmp_path / f"{name}.json").write_text(text)
        return {"METAFLOW_HOME": str(tmp_path)}

    return write


def test_the_environment_comes_before_the_profile_and_that_before_the_default(
    home: Callable[..., dict[str, str]],
) -> None:
    env = home(
        config='{"METAFLOW_DEFAULT_DATASTORE": "s3", "METAFLOW_AWS_S3_REGION": "eu-west-1", "METAFLOW_USER": "a"}'
    )
    configuration = Configuration.load({**env, "METAFLOW_USER": "b"})
    profile = f"{env['METAFLOW_HOME']}/config.json"
    assert configuration.entries() == [
        ("METAFLOW_HOME", env["METAFLOW_HOME"], "environment"),
        ("METAFLOW_USER", "b", "environment"),
        ("METAFLOW_DEFAULT_DATASTORE", "s3", profile),
        ("METAFLOW_DEFAULT_METADATA", "local", "default"),
        ("METAFLOW_AWS_S3_REGION", "eu-west-1", profile),
    ]
    assert configuration.get("METAFLOW_DEFAULT_DATASTORE") == "s3"
    assert configuration.get("METAFLOW_BATCH_JOB_QUEUE") is None


def test_a_profile_is_chosen_by_name(home: Callable[..., dict[str, str]]) -> None:
    env = home(config='{"METAFLOW_USER": "a"}', config_prod='{"METAFLOW_USER": "p"}')
    assert Configuration.load({**env, "METAFLOW_PROFILE": "prod"}).get("METAFLOW_USER") == "p"
    assert Configuration.load({**env, "METAFLOW_PROFILE": ""}).get("METAFLOW_USER") == "a"


def test_without_a_profile_file_there_are_the_defaults(tmp_path: Path) -> None:
    configuration = Configuration.load({"METAFLOW_HOME": str(tmp_path / "nowhere")})
    assert configuration.get("METAFLOW_DEFAULT_DATASTORE") == "local"
    assert Configuration.load({"HOME": str(tmp_path)}).get("METAFLOW_USER") is None


def test_keys_that_penstock_does_not_know_are_shown_after_those_it_does(home: Callable[..., dict[str, str]]) -> None:
    env = home(config='{"METAFLOW_ZZ": 1, "OTHER": "no", "METAFLOW_AA": true, "METAFLOW_OBJECT": {"a": [1]}}')
    entries = Configuration.load({**env, "METAFLOW_BB": "x"}).entries()
    assert [(key, value) for key, value, _ in entries if key not in KEYS] == [
        ("METAFLOW_AA", "true"),
        ("METAFLOW_BB", "x"),
        ("METAFLOW_OBJECT", '{"a": [1]}'),
        ("METAFLOW_ZZ", "1"),
    ]


def test_an_empty_value_counts_as_none(home: Callable[..., dict[str, str]]) -> None:
    env = home(config='{"METAFLOW_USER": "a", "METAFLOW_AWS_ARN": null}')
    assert Configuration.load({**env, "METAFLOW_USER": ""}).get("METAFLOW_USER") == "a"
    assert Configuration.load(env).get("METAFLOW_AWS_ARN") is None


def test_every_key_has_a_sentence() -> None:
    assert all(sentence.endswith(".") and len(sentence) > 20 for sentence in KEYS.values())


def test_a_profile_that_does_not_exist_is_told_with_those_that_do(home: Callable[..., dict[str, str]]) -> None:
    env = home(config_dev="{}", config_staging="{}", config="{}")
    with pytest.raises(ProfileMissing) as caught:
        Configuration.load({**env, "METAFLOW_PROFILE": "prod"})
    assert str(caught.value) == (
        "error[P520]: the profile `prod` that METAFLOW_PROFILE names does not exist: there is no file"
        f" {env['METAFLOW_HOME']}/config_prod.json\n"
        "  = help: write that file, or choose one of: dev, staging"
    )


def test_a_profile_that_does_not_exist_where_nothing_does() -> None:
    with pytest.raises(ProfileMissing, match=r"choose one of: \(none found\)") as caught:
        Configuration.load({"METAFLOW_HOME": "/nowhere", "METAFLOW_PROFILE": "prod"})
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("", "is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[1]", "holds a JSON list, not an object"),
        ('"x"', "holds a JSON string, not an object"),
        ("null", "holds a JSON null, not an object"),
    ],
)
def test_a_malformed_profile_is_told(home: Callable[..., dict[str, str]], text: str, why: str) -> None:
    env = home(config=text)
    with pytest.raises(ProfileUnreadable) as caught:
        Configuration.load(env)
    assert str(caught.value) == (
        f"error[P521]: the profile {env['METAFLOW_HOME']}/config.json {why}\n"
        "  = help: it holds one JSON object, keys METAFLOW_…, values strings"
    )


def test_a_profile_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ProfileUnreadable, match=r"config.json is not JSON: 'utf-8' codec can't decode"):
        Configuration.load({"METAFLOW_HOME": str(tmp_path)})


def test_a_profile_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    with pytest.raises(ProfileUnreadable) as caught:
        Configuration.load({"METAFLOW_HOME": str(tmp_path)})
    assert str(caught.value) == (
        f"error[P521]: the profile {tmp_path}/config.json cannot be read: Is a directory\n"
        "  = help: check its permissions, or set METAFLOW_HOME"
    )


@pytest.mark.parametrize(
    ("environ", "configured", "name"),
    [
        ({"METAFLOW_USER": "m", "SUDO_USER": "s", "USERNAME": "n", "USER": "u"}, "c", "m"),
        ({"SUDO_USER": "s", "USERNAME": "n", "USER": "u"}, "c", "c"),
        ({"SUDO_USER": "s", "USERNAME": "n", "USER": "u"}, None, "s"),
        ({"USERNAME": "n", "USER": "u"}, None, "n"),
        ({"USER": "u"}, None, "u"),
        ({"METAFLOW_USER": "root", "USER": "u"}, None, "u"),
        ({"USER": "root"}, None, "root"),
    ],
)
def test_the_user_is_the_first_that_is_named_and_not_root(
    environ: dict[str, str], configured: str | None, name: str
) -> None:
    assert user_name(environ, configured) == name


def test_without_names_the_user_is_the_systems() -> None:
    import pwd

    assert user_name({}) == pwd.getpwuid(os.getuid()).pw_name


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 123_456_789)
    assert user_name({}) == "uid-123456789"


def test_the_namespace_is_the_user_or_the_production_token() -> None:
    assert default_namespace({"USER": "alice"}) == "user:alice"
    assert default_namespace({"USER": "alice", "METAFLOW_PRODUCTION_TOKEN": "train-1"}) == "production:train-1"
