"""`--code-url URL[#sha256=…]`: what can be one, and what containers are told of it."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from penstock.backends.kubernetes.containers import compact
from penstock.compiler.diagnostics import Diagnostic, Label, Severity
from penstock.compiler.spans import Span
from penstock.runtime_shim.code_url import DEFAULTS_ENV, SHA_ENV, SHAPE_ENV, WITH_ENV
from penstock.runtime_shim.jobs import CODE_URL_ENV

if TYPE_CHECKING:
    from penstock.backends.kubeflow.settings import KubeflowSettings
    from penstock.compiler.program import Program

SCHEMES = ("http", "https", "s3")
_PLAIN = re.compile(r"[!#-&(-;=?-\[\]_a-z~]+\Z")
"""What stands in a URL as it is, without quotes and brackets of templates."""
_SHA = re.compile(r"sha256=([0-9a-fA-F]{64})\Z")
_SIGNATURES = ("x-amz-signature", "x-goog-signature", "signature", "sig", "token", "access_token", "private_token")
"""Parts of a URL's query that let whoever has it read the file."""


def variables(settings: KubeflowSettings) -> dict[str, str]:
    """What a container is told of the flow file that it fetches."""
    url, _, fragment = settings.code_url.partition("#")
    sha = _SHA.match(fragment)
    found = {CODE_URL_ENV: url, SHAPE_ENV: settings.flow_shape}
    if sha:
        found[SHA_ENV] = sha[1].lower()
    if settings.decospecs:
        found[WITH_ENV] = _unreplaced(compact(list(settings.decospecs)))
    if settings.defaults:
        found[DEFAULTS_ENV] = _unreplaced(settings.defaults)
    return found


def _unreplaced(text: str) -> str:
    """JSON in which neither Kubernetes (``$(NAME)``) nor Argo (``{{…}}``) finds anything to replace."""
    return text.replace("$", "\\u0024").replace("{{", "{\\u007b")


def code_url_problems(code_url: str) -> Iterator[Diagnostic]:
    """P531 for what is no address of a flow file, or may not stand in a document; P323, a warning, for an address that
    neither encryption nor a SHA-256 protects.
    """
    url, mark, fragment = code_url.partition("#")
    parts, port = urlsplit(""), None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        port = 0
    named = parts.scheme in SCHEMES and bool(parts.hostname) and port != 0
    if not named or not _PLAIN.match(url) or "$(" in url or (parts.scheme == "s3" and len(parts.path) < 2):
        message = f"{code_url!r} is no address of a flow file"
        help_text = "give one that begins with https://, http:// or s3://, and write %20 and the like for other letters"
        yield Diagnostic("P531", message, help=help_text)
        return
    if "@" in parts.netloc or any(name.lower() in _SIGNATURES for name, _ in parse_qsl(parts.query)):
        message = "--code-url holds a password or a signature, and would stand in the compiled pipeline"
        help_text = "put the file at an s3:// URL, which containers read with their own role"
        yield Diagnostic("P531", message, help=help_text)
    if mark and not _SHA.match(fragment):
        message = f"{'#' + fragment!r} of --code-url is not `#sha256=` and 64 hexadecimal digits"
        yield Diagnostic("P531", message, help="`sha256sum flow.py` prints them")
    elif parts.scheme == "http" and not mark:
        message = f"containers fetch {url} without encryption: whoever is on the way can have them run something else"
        help_text = "use https, or pin the file: --code-url URL#sha256=…"
        yield Diagnostic("P323", message, help=help_text, severity=Severity.WARNING)


def image_problems(program: Program, image: str) -> Iterator[Diagnostic]:
    """P530, a warning: a step would run in ``image``, the plain one of Python, which most likely has no Penstock."""
    from penstock import __version__

    for step in program.graph.steps.values():
        if not any(each.name == "kubernetes" and each.attributes.get("image") for each in step.decorators):
            message = (
                f"with --code-url Penstock comes from the image, and `{step.name}` runs in {image}, which has none"
            )
            help_text = (
                "give --image or set METAFLOW_KUBERNETES_CONTAINER_IMAGE, to an image with Penstock in it: "
                f"python -m pip install penstock=={__version__}"
            )
            yield Diagnostic("P530", message, Label(step.span), help=help_text, severity=Severity.WARNING)
            return


def beside_problems(file: str) -> Iterator[Diagnostic]:
    """P324, warnings: modules that the flow file imports from its own folder, which are not fetched with it."""
    folder = os.path.dirname(os.path.abspath(file))
    told = set(_OURS)
    with open(file, "rb") as source:
        tree = ast.parse(source.read(), file)
    for node in ast.walk(tree):
        for name in _imported(node):
            module = os.path.join(folder, name)
            if name in told or not (
                os.path.isfile(f"{module}.py") or os.path.isfile(os.path.join(module, "__init__.py"))
            ):
                continue
            told.add(name)
            message = f"`{name}` stands beside the flow, and with --code-url containers fetch the flow file only"
            help_text = "have it in the image, or leave out --code-url: the code package brings it"
            yield Diagnostic("P324", message, Label(_span(file, node)), help=help_text, severity=Severity.WARNING)


_OURS = ("penstock", "metaflow")


def _imported(node: ast.AST) -> list[str]:
    """The top-level names of the modules that a statement imports; none of other statements."""
    match node:
        case ast.Import(names=names):
            return [each.name.partition(".")[0] for each in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module.partition(".")[0]]
        case _:
            return []


def _span(file: str, node: ast.AST) -> Span:
    first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", 1)
    return Span(file, first, getattr(node, "col_offset", 0) + 1, last, getattr(node, "end_col_offset", 0) + 1)
