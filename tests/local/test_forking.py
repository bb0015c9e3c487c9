"""What a forked task sees is what a fresh process would see."""

from __future__ import annotations

from command_line import Shell

TEMPLATE = """
import sys
from penstock import FlowSpec, step
{imports}


class ForkedFlow(FlowSpec):
    @step
    def start(self):
        self.xs = list(range(4))
        self.next(self.body, foreach="xs")

    @step
    def body(self):
        {body}
        self.next(self.join)

    @step
    def join(self, inputs):
        self.seen = [getattr(one, "seen", None) for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForkedFlow()
"""


def run(shell: Shell, imports: str, body: str, *options: str, code: int = 0) -> tuple[list[object], str]:
    """``self.seen`` of each task, and what the run said on stderr."""
    (shell.folder / "forked.py").write_text(TEMPLATE.format(imports=imports, body=body))
    done = shell.run("forked.py", "run", *options)
    assert done.code == code, done.err
    return (shell.task("ForkedFlow", "end").load("seen") if code == 0 else []), done.err


def test_random_numbers_differ_between_tasks(shell: Shell) -> None:
    seen, _ = run(shell, "import random", "self.seen = random.random()")
    assert len(set(seen)) == 4


FAKE_NUMPY = """
import sys, types


class Generator(types.ModuleType):
    def seed(self, value=None):
        self.state = "reseeded"


numpy = types.ModuleType("numpy")
numpy.random = Generator("numpy.random")
numpy.random.state = "as imported"
sys.modules["numpy"], sys.modules["numpy.random"] = numpy, numpy.random
"""


def test_numpy_s_generator_is_reseeded(shell: Shell) -> None:
    seen, _ = run(shell, FAKE_NUMPY, "self.seen = numpy.random.state")
    assert seen == ["reseeded"] * 4


def test_signals_stdin_and_process_group_are_those_of_a_fresh_process(shell: Shell) -> None:
    body = (
        "import os, signal; self.seen = [signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,"
        " signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL,"
        " signal.getsignal(signal.SIGINT) is signal.default_int_handler,"
        " sys.stdin.read(), os.getpgrp() == os.getpid(), signal.set_wakeup_fd(-1)]"
    )
    for isolation in ("fork", "process"):
        seen, _ = run(shell, "", body, f"--isolation={isolation}")
        assert seen == [[True, True, True, "", True, -1]] * 4


def test_no_descriptor_of_the_forking_process_is_open_in_a_task(shell: Shell) -> None:
    body = "import os; self.seen = [fd for fd in range(3, 20) if os.path.exists(f'/proc/self/fd/{fd}')]"
    seen, _ = run(shell, "", body)
    assert seen == [[]] * 4


def test_threads_and_exit_handlers_of_a_task_come_to_their_end(shell: Shell) -> None:
    body = (
        "import atexit, threading, time\n"
        "        threading.Thread(target=lambda: (time.sleep(0.2), print('thread', flush=True))).start()\n"
        "        atexit.register(print, 'exit handler')"
    )
    run(shell, "", body)
    printed = shell.run("forked.py", "--quiet", "logs", f"{shell.latest('ForkedFlow')}/body/t.0").out
    assert printed == "thread\nexit handler\n"


def test_the_file_is_imported_once_for_all_tasks(shell: Shell) -> None:
    run(shell, "open('imports', 'a').write('x')", "self.seen = 1")
    assert (shell.folder / "imports").read_text() == "xx"  # the command itself, and the process that forks


def test_threads_of_the_import_make_tasks_fresh_processes_with_one_line(shell: Shell) -> None:
    imports = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
    seen, err = run(shell, imports, "self.seen = 'ran'")
    assert seen == ["ran"] * 4
    assert err.splitlines()[-1] == (
        "Importing the flow file starts threads (1): tasks run as fresh processes, not as forked ones."
    )


def test_a_file_that_cannot_be_imported_a_second_time_says_why(shell: Shell) -> None:
    imports = "import os\nif sys.argv[-1] != 'run':\n    raise RuntimeError('only once')"
    _, err = run(shell, imports, "pass", code=1)
    assert "error[R173]: the flow file could not be loaded (exit code 1):\n" in err
    assert err.endswith(
        "RuntimeError: only once\n  = help: `run --isolation process` starts every task as a fresh interpreter\n"
    )


def test_a_task_may_end_the_interpreter_with_words(shell: Shell) -> None:
    _, err = run(shell, "", "raise SystemExit('enough')", code=1)
    assert "ended with exit code 1\n" in err


def test_tasks_print_at_once(shell: Shell) -> None:
    body = "print('now'); import time; time.sleep(0.3); print('later')"
    run(shell, "", body)
    lines = shell.run("forked.py", "logs", f"{shell.latest('ForkedFlow')}/body/t.0", "--timestamps").out.splitlines()
    seconds = [float(line.split()[1].split(":")[2]) for line in lines]
    assert (seconds[1] - seconds[0]) % 60 > 0.2


def test_tasks_are_children_of_one_process(shell: Shell) -> None:
    forked, _ = run(shell, "", "import os; self.seen = (os.getpid(), os.getppid())", "--isolation=fork")
    assert len({pid for pid, _ in forked}) == 4
    assert len({parent for _, parent in forked}) == 1
