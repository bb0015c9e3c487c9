"""The code package: the same files give the same bytes, and nothing is left out in silence."""

from __future__ import annotations

import ast
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import penstock.runtime_shim.bootstrap
from penstock.compiler import packaging
from penstock.compiler.diagnostics import Refused
from penstock.compiler.packaging import CodePackage, bootstrap, build_package, shim_files, suffixes_of


def write(folder: Path, *names: str) -> Path:
    """Files with their own name as content, ``flow.py`` among them; the flow file."""
    for name in ("flow.py", *names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"# {name}")
    return folder / "flow.py"


def users(package: CodePackage) -> list[str]:
    """The names in the package that are not Penstock's own."""
    return [name for name in package.names if not name.startswith("penstock")]


def build(flow: Path, **options: object) -> CodePackage:
    return build_package(str(flow), b'{"plan": 1}', **options)  # type: ignore[arg-type]  # the test's own options


def said(error: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [f"{found.code}: {found.message}" for found in error.value.diagnostics]


def test_a_package_holds_the_flow_the_shim_and_the_plan(tmp_path: Path) -> None:
    package = build(write(tmp_path, "helper.py", "sub/deep.py", "data.csv"))
    assert users(package) == ["flow.py", "helper.py", "sub/deep.py"]
    with tarfile.open(fileobj=io.BytesIO(package.data)) as tar:
        assert tar.getnames() == list(package.names)
        assert tar.extractfile("penstock_plan.json").read() == b'{"plan": 1}'  # type: ignore[union-attr]  # it is there
        assert {"penstock/__init__.py", "penstock/__main__.py", "penstock/runtime_shim/runner.py"} <= set(package.names)
        assert not any(
            name.startswith(("penstock/compiler", "penstock/backends", "penstock/cli")) for name in package.names
        )


def test_the_sha_is_that_of_the_tar_and_the_data_is_its_gzip(tmp_path: Path) -> None:
    package = build(write(tmp_path))
    assert hashlib.sha1(gzip.decompress(package.data)).hexdigest() == package.sha


def test_modes_times_and_the_order_of_the_disk_change_nothing(tmp_path: Path) -> None:
    first = build(write(tmp_path / "one", "b.py", "a.py"))
    flow = write(tmp_path / "two", "a.py", "b.py")
    flow.chmod(0o755)
    os.utime(flow, (1, 1))
    assert build(flow).data == first.data


def test_the_packed_shim_runs_without_anything_else(tmp_path: Path) -> None:
    package = build(write(tmp_path / "code"))
    with tarfile.open(fileobj=io.BytesIO(package.data)) as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    done = subprocess.run(
        [sys.executable, "-S", "-c", "from penstock import FlowSpec, step; print(FlowSpec.__module__)"],
        cwd=tmp_path / "unpacked", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("penstock.runtime_shim.flowspec\n", "")


def test_suffixes_add_files(tmp_path: Path) -> None:
    flow = write(tmp_path, "data.csv", "query.sql", "model.bin")
    assert users(build(flow, suffixes=suffixes_of(" .csv,.sql "))) == ["data.csv", "flow.py", "query.sql"]
    assert suffixes_of(None) == (".py",)


def test_what_tools_leave_behind_is_left_out(tmp_path: Path) -> None:
    flow = write(
        tmp_path, "build/lib/x.py", ".git/hooks/x.py", ".metaflow/x.py", "__pycache__/x.py", "env/pyvenv.cfg",
        "env/lib/x.py", "node_modules/x.py", "pkg.egg-info/x.py", ".hidden.py", ".hidden/x.py", "kept/build/x.py",
    )  # fmt: skip
    assert users(build(flow)) == ["flow.py", "kept/build/x.py"]


def test_penstockignore_leaves_out_and_takes_in(tmp_path: Path) -> None:
    flow = write(tmp_path, "big.py", "sub/a.py", "sub/b.py", ".hidden/x.py", ".metaflow/x.py")
    (tmp_path / ".penstockignore").write_text("big.py\n/sub/*\n!.hidden\n!.metaflow\n")
    (tmp_path / "sub" / ".penstockignore").write_text("!b.py\n")
    assert users(build(flow)) == [".hidden/x.py", "flow.py", "sub/b.py"]


def test_the_flow_file_is_packed_whatever_is_ignored_and_whatever_its_name(tmp_path: Path) -> None:
    write(tmp_path).rename(tmp_path / "flow")
    (tmp_path / ".penstockignore").write_text("*\n")
    assert users(build(tmp_path / "flow")) == ["flow"]


def test_what_the_command_writes_is_left_out(tmp_path: Path) -> None:
    flow = write(tmp_path, "bundle/x.py", "out.py")
    assert users(build(flow, output=str(tmp_path / "bundle"))) == ["flow.py", "out.py"]
    assert users(build(flow, output=str(tmp_path / "out.py"))) == ["bundle/x.py", "flow.py"]


def test_symbolic_links_are_followed(tmp_path: Path) -> None:
    write(tmp_path / "shared", "tool.py")
    flow = write(tmp_path / "flows")
    (tmp_path / "flows" / "shared").symlink_to(tmp_path / "shared")
    (tmp_path / "flows" / "linked.py").symlink_to(tmp_path / "shared" / "tool.py")
    package = build(flow)
    assert users(package) == ["flow.py", "linked.py", "shared/flow.py", "shared/tool.py"]
    assert package.warnings == ()


def test_a_link_back_is_left_out_with_a_warning(tmp_path: Path) -> None:
    flow = write(tmp_path, "sub/a.py")
    (tmp_path / "sub" / "back").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    package = build(flow)
    assert users(package) == ["flow.py", "sub/a.py"]
    assert [f"{found.code}: {found.message}" for found in package.warnings] == [
        f"P534: the symbolic link {tmp_path}/sub/back leads back to a folder around it: left out of the code package"
    ]


def test_a_link_to_nothing_is_left_out_with_a_warning(tmp_path: Path) -> None:
    flow = write(tmp_path)
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere")
    package = build(flow)
    assert users(package) == ["flow.py"]
    assert [f"{found.code}: {found.message}" for found in package.warnings] == [
        f"P534: the symbolic link {tmp_path}/gone.py leads to no file: left out of the code package"
    ]


def test_everything_unreadable_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a stand-in for open and scandir: whoever runs the tests may be root, who can read everything."""
    flow = write(tmp_path, "secret.py", "closed/x.py")
    import penstock.compiler.package_files as package_files

    def refuse(path: str) -> None:
        if "secret" in path or "closed" in path:
            raise PermissionError(13, "Permission denied", path)

    read, scan = packaging._read, os.scandir
    monkeypatch.setattr(packaging, "_read", lambda path: (refuse(path), read(path))[1])
    monkeypatch.setattr(package_files.os, "scandir", lambda path: (refuse(path), scan(path))[1])
    with pytest.raises(Refused) as refused:
        build(flow)
    assert said(refused) == [
        f"P533: {tmp_path}/closed can't be read for the code package: Permission denied",
        f"P533: {tmp_path}/secret.py can't be read for the code package: Permission denied",
    ]


def test_an_ignore_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    flow = write(tmp_path)
    (tmp_path / ".penstockignore").write_bytes(b"\xff\n")
    with pytest.raises(Refused, match=r"P533: .*\.penstockignore can't be read for the code package: 'utf-8' codec"):
        build(flow)


@pytest.mark.parametrize("name", [b"line\nbreak.py", b"back\\slash.py", b"b\xffyte.py"])
def test_an_odd_name_is_told(tmp_path: Path, name: bytes) -> None:
    flow = write(tmp_path)
    path = os.fsencode(tmp_path) + b"/" + name
    with open(path, "w"):
        pass
    with pytest.raises(Refused) as refused:
        build(flow)
    assert said(refused) == [f"P535: the file {path!r} can't be packed: its name is not printable text"]


@pytest.mark.parametrize(
    ("name", "taken"),
    [("penstock.py", "penstock.py"), ("penstock/__init__.py", "penstock"), ("penstock/own/file.py", "penstock")],
)
def test_a_file_in_the_place_of_ours_is_told(tmp_path: Path, name: str, taken: str) -> None:
    with pytest.raises(Refused) as refused:
        build(write(tmp_path, name))
    assert said(refused) == [
        f"P535: {tmp_path}/{taken} would take the place of Penstock's own {taken} in the code package"
    ]


def test_a_flow_beside_penstock_itself_packs_it_once(tmp_path: Path) -> None:
    """As in a checkout whose `src` is on the path, or an environment's site-packages."""
    flow = write(tmp_path)
    (tmp_path / "penstock").symlink_to(Path(packaging._source_of_face()).parent)
    package = build(flow)
    assert package.names == build(write(tmp_path / "alone")).names


def test_a_large_package_names_its_biggest_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaging, "LARGE", 1_000_000)
    flow = write(tmp_path)
    (tmp_path / "data.py").write_bytes(b"#" * 2_000_000)
    (found,) = build(flow).warnings
    assert found.code == "P536"
    assert found.message.startswith("the code package holds 2.")
    assert "which every task downloads; the biggest files: data.py (2.0 MB), penstock/" in found.message


def test_the_bootstrap_is_its_sources_without_words() -> None:
    """Compared as syntax trees, docstrings apart: no statement is lost, changed or doubled."""

    def statements(source: str) -> tuple[set[str], list[str]]:
        """Imports of modules that are not Penstock's, one by one, and everything else in its order."""
        tree = ast.parse(source)
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                words = [each for each in body if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)]
                node.body = [each for each in body if each not in words and not isinstance(each, ast.Pass)]  # type: ignore[attr-defined]  # it has one
        imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        foreign = {ast.dump(node) for node in imports if "penstock" not in ast.dump(node)}
        return foreign, [ast.dump(node) for node in tree.body if node not in imports]

    shim = Path(penstock.runtime_shim.__file__).parent
    imports: set[str] = set()
    code: list[str] = []
    for name in packaging._EMBEDDED:
        found = statements((shim / name).read_text())
        imports |= found[0]
        code += found[1]
    assert statements(bootstrap()) == (imports, code)
    assert "#" not in bootstrap()
    # RegisterJobDefinition takes 24 KiB, with the environment and all quoted as JSON.
    assert len(json.dumps(bootstrap())) < 15_000


def test_the_shim_files_are_those_of_the_installed_package() -> None:
    names = [name for name, _ in shim_files()]
    assert names == sorted(set(names))
    assert all(os.path.isfile(path) for _, path in shim_files())
