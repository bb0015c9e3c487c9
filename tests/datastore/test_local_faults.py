"""A local datastore that is full, forbidden, or no folder: one sentence each, and nothing half written."""

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock.runtime_shim.datastore.faults import DiskFull, NotPermitted, RootUnusable
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.protocol import StorageFailure
from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY, EXIT_RETRY_ALLOWED

ELSEWHERE = "name another place with --datastore-root or METAFLOW_DATASTORE_SYSROOT_LOCAL"
NOBODY = 65534


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's right to read and write everything; anyone else has none to lose."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def biggest_file(size: int) -> Iterator[None]:
    """The system's own refusal: files may not grow beyond ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def everything_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets some bytes through and then answers as a full disk does: part of the data is written, then ENOSPC."""

    def fill(room: int) -> None:
        write = os.write
        left = [room]

        def limited(descriptor: int, data: bytes) -> int:
            if left[0] == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written = write(descriptor, data[: left[0]])
            left[0] -= written
            return written

        monkeypatch.setattr(os, "write", limited)

    return fill


def test_a_full_disk_is_told_and_leaves_the_old_object(
    local_store: LocalDatastore, full_disk: Callable[[int], None]
) -> None:
    local_store.put("F/1/a/t/0.data.json", b"old")
    full_disk(700)
    with pytest.raises(DiskFull) as caught:
        local_store.put("F/1/a/t/0.data.json", b"x" * 1000)
    assert str(caught.value) == (
        f"error[R111]: cannot store `F/1/a/t/0.data.json` in the local datastore {local_store.root}: the disk is full\n"
        f"  = help: free some space, or {ELSEWHERE}"
    )
    assert caught.value.exit_code == EXIT_RETRY_ALLOWED
    assert local_store.get("F/1/a/t/0.data.json") == b"old"
    assert everything_below(Path(local_store.root)) == ["F/1/a/t/0.data.json"]


def test_a_full_disk_leaves_no_first_object_either(
    local_store: LocalDatastore, full_disk: Callable[[int], None]
) -> None:
    full_disk(10)
    with pytest.raises(DiskFull):
        local_store.put_if_absent("F/x", b"x" * 1000)
    assert everything_below(Path(local_store.root)) == []


def test_a_file_size_limit_is_told(local_store: LocalDatastore) -> None:
    with biggest_file(1 << 16), pytest.raises(DiskFull) as caught:
        local_store.put("big", b"x" * (1 << 20))
    assert str(caught.value).splitlines()[0] == (
        f"error[R111]: cannot store `big` in the local datastore {local_store.root}: the file is too big"
    )
    assert everything_below(Path(local_store.root)) == []


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    store = LocalDatastore(str(locked))
    with as_nobody(), pytest.raises(NotPermitted) as caught:
        store.put("F/1", b"1")
    assert str(caught.value) == (
        f"error[R112]: cannot store `F/1` in the local datastore {locked}: permission denied\n"
        f"  = help: give yourself access to it, or {ELSEWHERE}"
    )
    assert caught.value.exit_code == EXIT_DO_NOT_RETRY


def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    store = LocalDatastore(str(locked))
    store.put("F/1", b"1")
    locked.chmod(0)
    try:
        with as_nobody():
            for ask in (lambda: store.get("F/1"), lambda: list(store.keys("")), lambda: store.children("F/")):
                with pytest.raises(NotPermitted, match=r"permission denied"):
                    ask()
    finally:
        locked.chmod(0o755)


def test_a_read_only_file_system_is_told(local_store: LocalDatastore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(NotPermitted, match=r"cannot store `F/1` in .*: the file system is read-only"):
        local_store.put("F/1", b"1")


def test_a_root_that_is_a_file_is_told_by_every_operation(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("")
    store = LocalDatastore(str(notes))
    operations: list[tuple[str, Callable[[], object]]] = [
        ("store `F/1`", lambda: store.put("F/1", b"1")),
        ("store `F/1`", lambda: store.put_if_absent("F/1", b"1")),
        ("read `F/1`", lambda: store.get("F/1")),
        ("list `F`", lambda: store.children("F/")),
        ("list what is", lambda: list(store.keys(""))),
    ]
    for doing, operation in operations:
        with pytest.raises(RootUnusable) as caught:
            operation()
        assert str(caught.value) == (
            f"error[R113]: cannot {doing} in the local datastore {notes}: a file is where a folder is needed,"
            " or the other way round\n"
            "  = help: name a folder with --datastore-root or METAFLOW_DATASTORE_SYSROOT_LOCAL"
        )


def test_an_object_where_a_folder_is_needed_is_told(local_store: LocalDatastore) -> None:
    local_store.put("F/1", b"1")
    with pytest.raises(RootUnusable):
        local_store.put("F/1/a", b"1")
    local_store.put("F/2/a", b"1")
    with pytest.raises(RootUnusable):
        local_store.put("F/2", b"1")


@pytest.mark.parametrize("key", ["", "/abs", "a//b", "a/", "../out", "a/../../out", "a/./b", "a\0b", ".penstock-1/x"])
def test_a_key_that_leads_elsewhere_is_refused(local_store: LocalDatastore, key: str) -> None:
    for operation in (lambda: local_store.put(key, b"1"), lambda: local_store.get(key)):
        with pytest.raises(StorageFailure, match=r"cannot be a key of the datastore"):
            operation()


def test_a_key_that_would_be_taken_for_attributes_is_refused(local_store: LocalDatastore) -> None:
    with pytest.raises(StorageFailure) as caught:
        local_store.put("data/ab/abc_meta", b"1")
    assert str(caught.value) == (
        f"error[R110]: 'data/ab/abc_meta' cannot be a key of the datastore {local_store.root}:"
        " names ending in `_meta` hold attributes"
    )


def test_a_name_too_long_is_told(local_store: LocalDatastore) -> None:
    with pytest.raises(StorageFailure) as caught:
        local_store.put("F/" + "x" * 256, b"1")
    assert str(caught.value) == (
        f"error[R110]: cannot store `F/{'x' * 256}` in the local datastore {local_store.root}:"
        " the name is too long for the file system\n"
        "  = help: use shorter names, or a datastore in a folder with a shorter path"
    )
    assert caught.value.exit_code == EXIT_DO_NOT_RETRY


def test_any_other_error_is_passed_on(local_store: LocalDatastore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    local_store.put("F/1", b"1")
    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(StorageFailure) as caught:
        local_store.put("F/1", b"2")
    assert str(caught.value) == (
        f"error[R110]: cannot store `F/1` in the local datastore {local_store.root}: Input/output error"
    )
    assert caught.value.exit_code == EXIT_RETRY_ALLOWED


def test_of_many_processes_one_is_first_and_all_blobs_are_whole(local_store: LocalDatastore) -> None:
    """Processes, not threads: what they share is the file system alone."""
    blob = b"0123456789" * 50_000
    children = []
    for number in range(8):
        child = os.fork()
        if child == 0:
            won = 0
            for turn in range(20):
                won += local_store.put_if_absent(f"race/{turn}", b"%d" % number)
                local_store.put_blobs([(f"F/data/{turn:02}/blob", blob, {"cas_raw": True})])
            os._exit(won)
        children.append(child)
    won = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert sum(won) == 20
    firsts = [int(data) for _, data in local_store.get_many(f"race/{turn}" for turn in range(20))]
    assert [firsts.count(number) for number in range(8)] == won
    assert all(local_store.get(f"F/data/{turn:02}/blob") == blob for turn in range(20))
    assert not [name for name in everything_below(Path(local_store.root)) if ".penstock-" in name]


def test_what_a_killed_writer_left_is_no_key(local_store: LocalDatastore) -> None:
    local_store.put("F/1/x", b"1")
    Path(local_store.root, "F/1/.penstock-0123").write_bytes(b"half")
    assert list(local_store.keys("")) == ["F/1/x"]
    assert local_store.children("F/1/") == ["x"]


def test_a_file_system_without_hard_links_has_one_winner(
    local_store: LocalDatastore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    assert [local_store.put_if_absent("F/1", b"first"), local_store.put_if_absent("F/1", b"second")] == [True, False]
    assert local_store.get("F/1") == b"first"
    assert everything_below(Path(local_store.root)) == ["F/1"]


def test_an_empty_blob_of_a_power_cut_is_written_again(local_store: LocalDatastore) -> None:
    local_store.put("F/data/ab/abc", b"")
    local_store.put_blobs([("F/data/ab/abc", b"content", None)])
    assert local_store.get("F/data/ab/abc") == b"content"


def test_a_blob_of_metaflows_keeps_its_attributes(local_store: LocalDatastore) -> None:
    local_store.put("F/data/ab/abc", b"gzipped", {"cas_raw": False})
    local_store.put_blobs([("F/data/ab/abc", b"raw", {"cas_raw": True})])
    assert local_store.get("F/data/ab/abc") == b"gzipped"
    assert local_store.attributes("F/data/ab/abc") == {"cas_raw": False}
