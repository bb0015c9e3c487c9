"""Mill itself, as small as it can be: works through a sheet, job by job.

Written from what Mill promises, never from what our lowering makes, so that a mistake is not made twice:

- A list is worked through from top to bottom.  ``together`` starts its lists at the same time, ``each`` works its list
  through once for every number below ``n`` in the note of the job before, the number appended to the path.
- A job ends well with exit code 0, and may leave a note: a JSON object, in the file that the variable `note` names.
- ``choose`` works through the list that the job before names in its note (``next``).  Afterwards lines are passed over
  up to the one that begins with the job which that list's last job names; where there is none in this list, the list
  is over.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from penstock.runtime_shim.failures import Failure

Note = Mapping[str, Any]
_NOTHING: Note = {}


class JobFailed(Failure):
    """A job has failed for good."""

    code = "R180"
    exit_code = 1


class Mill:
    """Works through one sheet in a folder; ``say`` is given a line for everything that happens."""

    def __init__(self, sheet: Mapping[str, Any], run: str, folder: str, say: Callable[[str], object]) -> None:
        self._sheet = sheet
        self._run = run
        self._folder = folder
        self._say = say
        self._room = threading.Semaphore(min(sheet["at once"], 2 * (os.cpu_count() or 1)))
        self._failure: JobFailed | None = None

    def work(self, parameters: Mapping[str, object]) -> None:
        """Work through all of it.

        Raises JobFailed.
        """
        self._environment = {
            **os.environ,
            **self._sheet["environment"],
            self._sheet["parameters"]: json.dumps(parameters),
        }
        self._list(self._sheet["jobs"], "", _NOTHING)

    def _list(self, lines: Sequence[Mapping[str, Any]], path: str, note: Note) -> Note:
        """Work through a list; the note of its last job."""
        due: list[str] | None = None
        for line in lines:
            if due is not None and line.get("job") not in due:
                continue
            due = None
            if "job" in line:
                note = self._job(line, path)
            elif "together" in line:
                note = self._side_by_side([(each, path) for each in line["together"]], note)
            elif "each" in line:
                note = self._side_by_side([(line["each"], f"{path}/{n}") for n in range(note["n"])], note)
            else:
                way = line["choose"].get(note["next"][0])
                note = note if way is None else self._list(way, path, note)
                due = note["next"]
        return note

    def _side_by_side(self, lists: Sequence[tuple[Sequence[Mapping[str, Any]], str]], note: Note) -> Note:
        with ThreadPoolExecutor(max_workers=max(1, len(lists))) as workers:
            waiting = [workers.submit(self._list, lines, path, note) for lines, path in lists]
        return [each.result() for each in waiting][-1] if waiting else note

    def _job(self, job: Mapping[str, Any], path: str) -> Note:
        """Run a job as often as it may be; its note."""
        name = f"{job['job']}{path}"
        for number in range(job.get("tries", 1)):
            if number:
                time.sleep(job["wait"])
            with self._room, tempfile.TemporaryDirectory() as scratch:
                if self._failure is not None:
                    raise self._failure
                file = os.path.join(scratch, "note")
                code = self._try(job, path, number, {self._sheet["note"]: file})
                self._say(f"{name}: {'done' if code == 0 else f'exit code {code}'}")
                if code == 0:
                    return _read(file)
            if code in job.get("final", ()):
                break
        self._failure = self._failure or JobFailed(f"{name} failed: nothing else is started")
        raise self._failure

    def _try(self, job: Mapping[str, Any], path: str, number: int, note: Mapping[str, str]) -> int:
        values = {"{job}": job["job"], "{run}": self._run, "{path}": path, "{try}": str(number)}
        command = [_filled(part, values) for part in (*self._sheet["command"], *job.get("more", ()))]
        if command[0] == "python":
            command[0] = sys.executable
        environment = {**self._environment, **note}
        return subprocess.run(command, cwd=self._folder, env=environment, stdin=subprocess.DEVNULL).returncode


def _filled(part: str, values: Mapping[str, str]) -> str:
    """A part of a command with what Mill knows in the places of its names."""
    for name, value in values.items():
        part = part.replace(name, value)
    return part


def _read(file: str) -> Note:
    try:
        with open(file, encoding="utf-8") as note:
            found: Note = json.load(note)
    except FileNotFoundError:
        return _NOTHING
    return found
