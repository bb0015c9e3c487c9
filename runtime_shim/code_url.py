"""A flow file that containers fetch from a URL, in the place of a code package; Penstock is the image's own.

The first task of a run fetches the file, makes sure that it holds the flow that the document was compiled from, and
keeps file and plan beside the run.  Every other task takes them from there: all of a run is one version of the file,
whatever happens to it at its address meanwhile, and a foreach of a thousand does not ask somebody's server a thousand
times.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING

from penstock.runtime_shim.datastore.protocol import Missing
from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.flow_file import NotTheFlow, OtherPenstock, Planned, Question, plan_in_a_process
from penstock.runtime_shim.jobs import CODE_URL_ENV
from penstock.runtime_shim.plan import PLAN_FILE, Plan
from penstock.runtime_shim.records import code_key, plan_key

if TYPE_CHECKING:
    from penstock.runtime_shim.jobs import Job

SHA_ENV = "PENSTOCK_CODE_SHA256"
"""Environment variable with the SHA-256 that the file must have, in hexadecimal; not set where the file may change."""
SHAPE_ENV = "PENSTOCK_FLOW_SHAPE"
"""The shape of the flow that was compiled (``penstock.compiler.flow_shape``)."""
WITH_ENV = "PENSTOCK_WITH"
"""What `--with` added to every step when the flow was compiled, a JSON list; not set for nothing."""
DEFAULTS_ENV = "PENSTOCK_DEFAULTS"
"""The defaults of parameters that were computed when the flow was compiled, a JSON object; not set for none."""


class OtherContent(Failure):
    """The file at the URL has not the SHA-256 that was asked for."""

    code = "R197"


def main() -> int:
    """Run the step of this container in a fresh folder; its exit code, as :mod:`penstock.runtime_shim.container` has
    it.
    """
    folder = tempfile.mkdtemp(prefix="penstock-")
    os.chdir(folder)
    sys.path[0] = folder
    from penstock.runtime_shim.container import main as run_job

    return run_job()


def place_code(job: Job, env: Mapping[str, str]) -> None:
    """Put the run's flow file and plan into the current folder.

    Raises Failure: the file can't be fetched, is not the one that is asked for, or holds another flow.
    """
    from penstock.runtime_shim.configuration import Configuration
    from penstock.runtime_shim.datastore.opening import open_datastore

    configuration = Configuration.load()
    store = open_datastore("s3", job.root, configuration)
    code, plan = code_key(job.flow, job.run), plan_key(job.flow, job.run)
    try:
        planned = store.get(plan)
        _write(job.entry[-1], store.get(code))
    except Missing:
        from penstock.runtime_shim.fetching import fetch

        source = fetch(env[CODE_URL_ENV], configuration)
        planned = _checked(source, job, env).to_json()
        if not store.put_if_absent(code, source):
            # Another container of this task was quicker, and may have found another version.
            planned = _checked(store.get(code), job, env).to_json()
        store.put_if_absent(plan, planned)
    _write(PLAN_FILE, planned)


def _checked(source: bytes, job: Job, env: Mapping[str, str]) -> Plan:
    """The plan of the flow in ``source``, which is in the current folder now, and the flow that was compiled."""
    url, script = env[CODE_URL_ENV], job.entry[-1]
    wanted = env.get(SHA_ENV, "")
    sha = hashlib.sha256(source).hexdigest()
    if wanted and sha != wanted:
        message = f"the flow file {url} has the SHA-256 {sha}, and should have {wanted}"
        raise OtherContent(
            message, help="put back the file that was compiled, or compile the pipeline with the new one"
        )
    _demand_python(source, url)
    _write(script, source)
    decospecs = tuple(json.loads(env.get(WITH_ENV, "[]")))
    question = Question(script, job.flow, decospecs, job.entry[:-1] != (), f"the flow file {url}", job.image)
    planned = plan_in_a_process(question)
    _demand_shape(planned, job, env)
    return planned.plan.with_defaults(json.loads(env.get(DEFAULTS_ENV, "{}")))


def _demand_python(source: bytes, url: str) -> None:
    try:
        compile(source, url, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:  # ValueError for a NUL byte, before Python 3.12
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        page = source.lstrip()[:1] == b"<"
        raise NotTheFlow(
            f"what is at {url} is no Python file: {reason}{line}",
            help="it is a web page: on GitHub and its like, take the address of the raw file" if page else "",
        ) from None


def _demand_shape(planned: Planned, job: Job, env: Mapping[str, str]) -> None:
    """The flow is the one that the document was compiled from."""
    (version, _, shape), (compiler, _, wanted) = planned.shape.partition("/"), env[SHAPE_ENV].partition("/")
    if shape == wanted:
        return
    which = f"the flow `{job.flow}` at {env[CODE_URL_ENV]} is not the one that the pipeline was compiled from"
    if version != compiler:
        message = f"{which}, at least as Penstock {version} of the image {job.image} reads it: {compiler} compiled it"
        raise OtherPenstock(message, help=f"install penstock=={compiler} in the image, or compile the pipeline again")
    raise NotTheFlow(
        f"{which}: its steps, its parameters or their decorators differ",
        help="compile the pipeline again, or pin the file: --code-url URL#sha256=…",
    )


def _write(name: str, data: bytes) -> None:
    with open(name, "wb") as file:
        file.write(data)
