"""Artifacts of 0 bytes to 50 MB: empty, tiny, compressible, incompressible, the same bytes twice."""

import hashlib
import random

from penstock import FlowSpec, Parameter, step

EXPECTED = {
    "start/t": {"empty": b"", "nothing": None, "small": b"\x00"},
    "end/t": {
        "sizes": {"empty": 0, "noise": 1048576, "noise_again": 1048576, "small": 1, "zeros": 52428800},
        "digests": {
            "empty": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "noise": "c6b28c1aa9bbc9e3701d00979bca4fef1a9dc9a2",
            "noise_again": "c6b28c1aa9bbc9e3701d00979bca4fef1a9dc9a2",
            "small": "5ba93c9db0cff93f52b521d7420e43f6eda2784f",
            "zeros": "49886561f8e26ed5e2ae549897a28aaab44881bd",
        },
    },
}

MEGABYTE = 2**20


class ArtifactSizesFlow(FlowSpec):
    megabytes = Parameter("megabytes", default=50, help="size of the largest artifact")

    @step
    def start(self):
        self.nothing = None
        self.empty = b""
        self.small = b"\x00"
        self.zeros = bytes(self.megabytes * MEGABYTE)
        self.noise = random.Random(20).randbytes(MEGABYTE)
        self.noise_again = bytes(bytearray(self.noise))
        self.next(self.end)

    @step
    def end(self):
        names = ("empty", "small", "zeros", "noise", "noise_again")
        self.sizes = {name: len(getattr(self, name)) for name in sorted(names)}
        self.digests = {name: hashlib.sha1(getattr(self, name)).hexdigest() for name in sorted(names)}


if __name__ == "__main__":
    ArtifactSizesFlow()
