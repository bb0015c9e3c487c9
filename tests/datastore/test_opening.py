"""Which datastore is opened, and where it stands."""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from penstock.runtime_shim.configuration import Configuration
from penstock.runtime_shim.datastore import opening
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.opening import DatastoreUnusable, client_store, open_datastore, use_in_client
from penstock.runtime_shim.datastore.s3 import S3Datastore


def configured(**keys: str) -> Configuration:
    return Configuration(keys, {}, "")


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    found: list[EntryPoint] = []
    monkeypatch.setattr("importlib.metadata.entry_points", lambda *, group: EntryPoints(found))
    return found


def test_a_given_root_is_the_folder_of_the_flows_itself(tmp_path: Path) -> None:
    assert open_datastore("local", str(tmp_path / "here"), configured()).root == str(tmp_path / "here")


def test_a_configured_sysroot_holds_dot_metaflow(tmp_path: Path) -> None:
    store = open_datastore("local", None, configured(METAFLOW_DATASTORE_SYSROOT_LOCAL=str(tmp_path)))
    assert store.root == str(tmp_path / ".metaflow")


def test_otherwise_the_nearest_dot_metaflow_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "a/b/c"
    deep.mkdir(parents=True)
    (tmp_path / "a/.metaflow").mkdir()
    monkeypatch.chdir(deep)
    assert open_datastore("local", None, configured()).root == str(tmp_path / "a/.metaflow")


def test_otherwise_that_of_the_current_folder_which_opening_does_not_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os.path, "isdir", lambda path: False)  # nothing above either, whoever runs this test
    assert open_datastore("local", None, configured()).root == str(tmp_path / ".metaflow")
    assert not (tmp_path / ".metaflow").exists()


def test_a_home_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/alice")
    store = open_datastore("local", None, configured(METAFLOW_DATASTORE_SYSROOT_LOCAL="~/runs"))
    assert store.root == "/home/alice/runs/.metaflow"


def test_s3_takes_root_endpoint_region_and_role_from_the_configuration() -> None:
    store = open_datastore(
        "s3",
        None,
        configured(
            METAFLOW_DATASTORE_SYSROOT_S3="s3://acme-flows/metaflow/",
            METAFLOW_S3_ENDPOINT_URL="http://127.0.0.1:9000",
            METAFLOW_AWS_S3_REGION="eu-central-1",
            METAFLOW_AWS_ARN="arn:aws:iam::1:role/x",
        ),
    )
    assert isinstance(store, S3Datastore)
    assert (store.root, store.bucket, store.location("F/1")) == (
        "s3://acme-flows/metaflow",
        "acme-flows",
        "s3://acme-flows/metaflow/F/1",
    )
    access = store._access
    assert (access.endpoint_url, access.region, access.role_arn) == (
        "http://127.0.0.1:9000",
        "eu-central-1",
        "arn:aws:iam::1:role/x",
    )


def test_s3_without_a_root_says_where_to_set_it() -> None:
    with pytest.raises(DatastoreUnusable) as caught:
        open_datastore("s3", None, configured())
    assert str(caught.value) == (
        "error[P523]: the S3 datastore has no root\n"
        "  = help: set METAFLOW_DATASTORE_SYSROOT_S3, or give --datastore-root s3://bucket/prefix"
    )


@pytest.mark.parametrize(
    "root", ["bucket/prefix", "s3:/b", "s3://", "s3://b/it's", "s3://bb/{x}", "s3://bb/a\\b", "s3://bb/\n", "gs://bb/x"]
)
def test_a_root_that_is_none_is_refused(root: str) -> None:
    with pytest.raises(DatastoreUnusable) as caught:
        open_datastore("s3", root, configured())
    assert str(caught.value) == (
        f"error[P524]: {root!r} cannot be the root of the S3 datastore\n"
        "  = help: it is of the form s3://bucket/prefix, without quotes, braces and backslashes"
    )


def test_an_unknown_datastore_is_told_with_those_there_are(plugins: list[EntryPoint]) -> None:
    plugins.append(EntryPoint("gs", "nowhere:make", opening.PLUGINS))
    with pytest.raises(DatastoreUnusable) as caught:
        open_datastore("gcs", None, configured())
    assert str(caught.value) == ("error[P522]: there is no datastore `gcs`\n  = help: known datastores: local, s3, gs")


def make_plugin_store(root: str | None, configuration: Configuration) -> LocalDatastore:
    return LocalDatastore(f"{root}/plugged")


def test_a_plugin_is_opened_with_root_and_configuration(plugins: list[EntryPoint], tmp_path: Path) -> None:
    class Entry:
        name, dist = "mine", None

        def load(self) -> Any:
            return make_plugin_store

    plugins.append(Entry())  # type: ignore[arg-type]  # as much of an entry point as is used
    assert open_datastore("mine", str(tmp_path), configured()).root == str(tmp_path / "plugged")


def test_a_built_in_name_cannot_be_taken(plugins: list[EntryPoint], tmp_path: Path) -> None:
    plugins.append(EntryPoint("local", "evil:make", opening.PLUGINS))
    assert isinstance(open_datastore("local", str(tmp_path), configured()), LocalDatastore)


def test_a_broken_plugin_says_which_and_how_to_repair_it(plugins: list[EntryPoint]) -> None:
    plugins.append(EntryPoint("gs", "penstock_gs_that_is_not_here:make", opening.PLUGINS))
    with pytest.raises(DatastoreUnusable) as caught:
        open_datastore("gs", None, configured())
    assert str(caught.value) == (
        "error[P522]: the datastore `gs` of penstock_gs_that_is_not_here:make cannot be loaded: ModuleNotFoundError:"
        " No module named 'penstock_gs_that_is_not_here'\n"
        "  = help: python -m pip install --force-reinstall penstock_gs_that_is_not_here:make"
    )


def test_the_client_looks_where_the_running_command_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, local_store: LocalDatastore
) -> None:
    monkeypatch.setattr(opening, "_chosen", [])
    monkeypatch.setenv("METAFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("METAFLOW_DATASTORE_SYSROOT_LOCAL", str(tmp_path))
    monkeypatch.delenv("METAFLOW_PROFILE", raising=False)
    monkeypatch.delenv("METAFLOW_DEFAULT_DATASTORE", raising=False)
    assert client_store().root == str(tmp_path / ".metaflow")
    use_in_client(local_store)
    assert client_store() is local_store
