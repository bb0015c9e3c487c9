"""A step that talks: unicode, long lines, no newline at the end, both streams, a child process, `logging`."""

import logging
import subprocess
import sys

from penstock import FlowSpec, step

EXPECTED = {"end/t": {"said": 5}}

SAYS = {
    "stdout": ["水圧管 🌊 naïve", "tab\tand carriage\rreturn", "x" * 5000, "from a child", "no newline"],
    "stderr": ["warning: λ is low", "WARNING:flow:logged"],
}


class ChatterFlow(FlowSpec):
    @step
    def start(self):
        print(SAYS["stdout"][0])
        print(SAYS["stdout"][1])
        print(SAYS["stdout"][2])
        print(SAYS["stderr"][0], file=sys.stderr)
        logging.basicConfig(stream=sys.stderr, force=True)
        logging.getLogger("flow").warning("logged")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
        print(SAYS["stdout"][4], end="")
        self.said = len(SAYS["stdout"])
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ChatterFlow()
