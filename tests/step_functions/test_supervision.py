"""What a step prints is kept as lines Metaflow reads, partly while it runs, and wholly when it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from penstock.runtime_shim import task_logs
from penstock.runtime_shim.task_logs import StreamLog, log_key, tell_attempt, told_attempt

NOW = 1785585600.25
FRAME = b"[MFLOG|0|2026-08-01T12:00:00.250000Z|task|"


@pytest.fixture
def log() -> Iterator[StreamLog]:
    stream = StreamLog()
    yield stream
    stream.close()


def texts(log: StreamLog) -> list[bytes]:
    return [line.partition(b"]")[2] for line in log.stored().split(b"\n")[:-1]]


def test_lines_are_framed_as_metaflow_frames_them(log: StreamLog) -> None:
    log.feed(b"one\ntw", NOW)
    log.feed(b"o\n", NOW)
    lines = log.stored().split(b"\n")
    assert [line[: len(FRAME)] for line in lines] == [FRAME, FRAME, b""]
    assert texts(log) == [b"one", b"two"]
    assert log.size == len(log.stored())


@pytest.mark.interop
def test_metaflow_reads_the_lines(log: StreamLog, metaflow_python: Path) -> None:
    log.feed("grün [brackets] \\ \x00\nsecond\n".encode(), NOW)
    program = (
        "import sys; from metaflow.mflog import mflog;"
        "[print(line.utc_tstamp.isoformat(), line.logsource.decode(), ascii(line.msg.decode()))"
        " for line in mflog.merge_logs([sys.stdin.buffer.read()])]"
    )
    done = subprocess.run(
        [str(metaflow_python), "-c", program], input=log.stored(), capture_output=True, check=False, timeout=60
    )
    assert done.stdout.decode().splitlines() == [
        "2026-08-01T12:00:00.250000 task 'gr\\xfcn [brackets] \\\\ \\x00'",
        "2026-08-01T12:00:00.250000 task 'second'",
    ], done.stderr.decode()


def test_a_line_without_an_end_is_kept_when_the_stream_ends(log: StreamLog) -> None:
    log.feed(b"rest")
    assert texts(log) == []
    log.end()
    log.end()
    assert texts(log) == [b"rest"]


def test_a_line_without_end_does_not_fill_the_memory(log: StreamLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_logs, "LONGEST_LINE", 10)
    for _ in range(3):
        log.feed(b"12345678")
    assert texts(log) == [b"1234567812345678"]
    assert log.tail == b"12345678" * 3


def test_the_attempt_is_told_through_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "attempt")
    assert told_attempt(path) is None
    monkeypatch.delenv(task_logs.ATTEMPT_FILE_ENV, raising=False)
    tell_attempt("t.1", 3)
    assert told_attempt(path) is None
    monkeypatch.setenv(task_logs.ATTEMPT_FILE_ENV, path)
    tell_attempt("t.1", 3)
    assert told_attempt(path) == ("t.1", 3)
    assert log_key("F", "r", "s", "t.1", 3, "stdout") == "F/r/s/t.1/3.task_stdout.log"


SUPERVISED = """
import os, signal, sys, time
from penstock.runtime_shim import supervision
supervision.FIRST_PARTIAL = {partial}
supervision.GRACE = {grace}
stores = []
def store(logs, complete):
    sizes = [logs["stdout"].stored().count(b"MFLOG"), logs["stderr"].stored().count(b"MFLOG")]
    os.write(1, f"{{'all' if complete else 'part'}} {{sizes}}\\n".encode())
supervisor = supervision.Supervisor(store)
if supervisor.fork() == 0:
    {child}
    sys.exit(0)
code = supervisor.watch()
supervisor.end()
sys.exit(code)
"""


def supervised(child: str, *, partial: float = 60, grace: float = 60) -> subprocess.Popen[bytes]:
    source = SUPERVISED.format(child=child, partial=partial, grace=grace)
    return subprocess.Popen([sys.executable, "-u", "-c", source], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_long_step_s_output_is_stored_while_it_runs() -> None:
    with supervised("print('a', flush=True); time.sleep(1.5); print('b', flush=True)", partial=0.3) as process:
        output, _ = process.communicate(timeout=30)
    lines = output.decode().splitlines()
    assert lines[0] == "a"
    assert lines[1] == "part [1, 0]"
    assert lines[-1] == "all [2, 0]"
    assert process.returncode == 0


def test_a_short_step_s_output_is_stored_once() -> None:
    with supervised("print('a'); print('b', file=sys.stderr)") as process:
        output, errors = process.communicate(timeout=30)
    assert (output, errors) == (b"a\nall [1, 1]\n", b"b\n")


def test_a_step_that_ignores_sigterm_is_killed_after_its_grace() -> None:
    ignoring = "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    with supervised(ignoring, grace=0.5) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGKILL
    assert output == b"all [1, 0]\n"


def test_much_output_passes_whole_and_in_order() -> None:
    with supervised("[print(number) for number in range(100_000)]") as process:
        output, _ = process.communicate(timeout=60)
    *numbers, last = output.decode().splitlines()
    assert numbers == [str(number) for number in range(100_000)]
    assert last == "all [100000, 0]"


def test_output_that_nobody_reads_any_more_does_not_end_the_step() -> None:
    """The platform's log may be gone: the step goes on, and ends with its own code."""
    child = "[print('x' * 100) for _ in range(10_000)]; sys.stdout.flush(); os._exit(7)"
    with supervised(child.replace("os._exit", "stores.append(1); os._exit")) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.wait(timeout=30)
        assert process.stderr is not None
        errors = process.stderr.read()
    # The store of this test writes to the same closed pipe: it is what fails, after the step has ended with 7.
    assert b"BrokenPipeError" in errors
    assert b"in store" in errors


def test_reading_while_another_thread_feeds_gives_whole_lines(log: StreamLog) -> None:
    done = threading.Event()

    def feed() -> None:
        for _ in range(2_000):
            log.feed(b"0123456789\n")
        done.set()

    thread = threading.Thread(target=feed)
    thread.start()
    seen: Mapping[bytes, None] = {}
    while not done.is_set():
        seen = {**seen, **dict.fromkeys(texts(log))}
        time.sleep(0.001)
    thread.join()
    assert set(seen) | {b"0123456789"} == {b"0123456789"}
    assert len(texts(log)) == 2_000
