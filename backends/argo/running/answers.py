"""What goes wrong between here and a cluster, as one sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from penstock.backends.following.seen import SignedOut, Unanswered
from penstock.compiler.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from penstock.backends.argo.running.sdk import Answer

_LONGEST = 300
_CHECK = "check the network, and the context of kubectl: `kubectl cluster-info` asks the same server"
_SIGN_IN = "sign in as for kubectl: `kubectl auth whoami` shows who you are; --kube-context names another context"
_PERMIT = "ask for the role that docs/backends/argo.md shows, or name another namespace with --namespace"
_INSTALL = "install Argo Workflows with its custom resource definitions, or name another cluster with --kube-context"
_NO_RESOURCE = ("", "the server could not find the requested resource")
"""What is said of a path that no API has, where it is said as a Status object."""


class Absent(Refused):
    """There is no such object."""


class Taken(Refused):
    """There is an object of that name already."""


@contextmanager
def asking(what: str, address: str) -> Iterator[None]:
    """Around a request to the server at ``address``: where there is no answer, "could not <what>: …".

    Raises Unanswered, Refused.
    """
    import urllib3

    try:
        yield
    except urllib3.exceptions.SSLError as error:
        reason = f"{address} can't be trusted ({_reason(error)})"
        advice = "correct certificate-authority of the cluster in kubectl's configuration"
        raise problem(Refused, what, reason, advice) from None
    except urllib3.exceptions.NewConnectionError as error:  # which counts as a timeout too
        raise problem(Unanswered, what, f"{address} can't be reached ({_reason(error)})", _CHECK) from None
    except urllib3.exceptions.TimeoutError:
        raise problem(Unanswered, what, f"{address} does not answer in time", _CHECK) from None
    except urllib3.exceptions.LocationValueError as error:
        raise problem(Refused, what, f"{address!r} is no address of a server ({error})", _CHECK) from None
    except urllib3.exceptions.HTTPError as error:
        raise problem(Unanswered, what, f"{address} can't be reached ({_reason(error)})", _CHECK) from None


def problem(kind: type[Refused], what: str, reason: str, advice: str, code: str = "P561") -> Refused:
    """The refusal that says what could not be done, and why."""
    return kind([Diagnostic(code, f"could not {what}: {reason}", help=advice)])


def refusal_of(what: str, address: str, answer: Answer) -> Refused:
    """What an answer with an error means."""
    status, said = answer.status, _said(answer)
    if status == 401:
        return problem(SignedOut, what, f"{address} doesn't know who you are (401{_after(said)})", _SIGN_IN)
    if status == 403:
        return problem(Refused, what, f"access denied (403{_after(said)})", _PERMIT)
    if status == 404:
        return _absent(what, address, answer)
    if status == 409:
        return _conflict(what, answer)
    if 300 <= status < 400:
        place = answer.headers.get("location", "elsewhere")
        return problem(SignedOut, what, f"{address} wants you to sign in ({status} to {place})", _SIGN_IN)
    if "too large" in said or "larger than" in said:
        return problem(Refused, what, f"the cluster takes no object of that size ({said})", "give the flow fewer steps")
    if status == 429 or status >= 500:
        return problem(Unanswered, what, f"the server failed ({status}{_after(said)})", "try again in a minute")
    return problem(Refused, what, f"{said or 'the server refuses it'} ({status})", "correct what the server names")


def foreign(what: str, address: str) -> Refused:
    """The refusal to talk to something that is no Kubernetes."""
    return problem(Refused, what, f"what answers at {address} is no API of Kubernetes", _CHECK)


def _absent(what: str, address: str, answer: Answer) -> Refused:
    """404 is said of a path that no API has, of a namespace and of an object."""
    document = answer.document
    if document is None or _said(answer) in _NO_RESOURCE:
        reason = f"the cluster at {address} has no Argo Workflows (404{_after(_said(answer))})"
        return problem(Refused, what, reason, _INSTALL)
    if str(document.get("message", "")).startswith("namespaces "):
        reason = f"the cluster at {address} says: {_said(answer)}"
        return problem(Refused, what, reason, "create the namespace, or name another with --namespace")
    return problem(Absent, what, _said(answer), "name another")


def _conflict(what: str, answer: Answer) -> Refused:
    document: Any = answer.document or {}
    causes = (document.get("details") or {}).get("causes") or []
    owned = [each for each in causes if each.get("reason") == "FieldManagerConflict"]
    if not owned:
        kind = Taken if document.get("reason") == "AlreadyExists" else Refused
        return problem(kind, what, _said(answer), "try again")
    fields = ", ".join(dict.fromkeys(str(each.get("field", "")).lstrip(".") for each in owned))
    others = ", ".join(dict.fromkeys(str(each.get("message", "")).removeprefix("conflict with ") for each in owned))
    reason = f"{fields} was set to something else by {others}"
    return problem(Refused, what, reason, "take it over with --force-conflicts, or undo that change", "P567")


def _after(said: str) -> str:
    return f": {said}" if said else ""


def _said(answer: Answer) -> str:
    """The first line of what the server says."""
    text = str((answer.document or {}).get("message") or "")
    if not text and not answer.text.lstrip().startswith(("<", "{")):
        text = answer.text
    line = next((line.strip() for line in text.splitlines() if line.strip()), "").rstrip(".")
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _reason(error: Exception) -> str:
    """The last part of a chain of urllib3's errors, such as "Connection refused"."""
    text = str(error).rpartition("Failed to establish a new connection: ")[2] or str(error)
    return text.rpartition("] ")[2].rstrip("')") or type(error).__name__
