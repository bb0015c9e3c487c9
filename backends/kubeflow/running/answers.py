"""What goes wrong between here and a server of Kubeflow Pipelines, as one sentence each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from penstock.backends.following.seen import SignedOut, Unanswered
from penstock.compiler.diagnostics import Diagnostic, Refused

_LONGEST = 300
_CHECK = "check the network, and --host or KF_PIPELINES_ENDPOINT; a port-forward may have ended"
_SIGN_IN = "sign in with --token, --token-file, --cookies or --client-id; what worked before may have expired"
_FOREIGN = "check --host or KF_PIPELINES_ENDPOINT: the API is often below /pipeline"


@contextmanager
def asking(what: str, address: str) -> Iterator[None]:
    """Around requests to the server at ``address``: what they raise becomes one diagnostic, "could not <what>: …".

    Raises Unanswered, SignedOut, Refused.
    """
    import kfp_server_api
    import urllib3

    try:
        yield
    except kfp_server_api.ApiException as error:
        raise _of_answer(what, address, error) from None
    except AttributeError as error:
        # The generated client stumbles over its own report of a certificate that is not trusted: it has no body.
        if not isinstance(error.__context__, kfp_server_api.ApiException):
            raise
        raise _of_answer(what, address, error.__context__) from None
    except urllib3.exceptions.NewConnectionError as error:  # which counts as a timeout too
        raise _problem(Unanswered, what, f"{address} can't be reached ({_reason(error)})", _CHECK) from None
    except urllib3.exceptions.TimeoutError:
        raise _problem(Unanswered, what, f"{address} does not answer in time", _CHECK) from None
    except urllib3.exceptions.LocationValueError as error:
        raise _problem(Refused, what, f"{address!r} is no address of a server ({error})", _CHECK) from None
    except urllib3.exceptions.HTTPError as error:
        raise _problem(Unanswered, what, f"{address} can't be reached ({_reason(error)})", _CHECK) from None


def foreign(what: str, address: str) -> Refused:
    """The refusal to talk to something that is no Kubeflow Pipelines."""
    return _problem(Refused, what, f"what answers at {address} is no API of Kubeflow Pipelines", _FOREIGN)


def _of_answer(what: str, address: str, error: Any) -> Refused:
    status, said = int(error.status or 0), _said(error)
    if status == 0:  # no answer, but a certificate that is not trusted
        return _problem(Refused, what, f"{address} can't be trusted ({said})", "give its authority with --ca-file")
    if status == 401:
        return _problem(SignedOut, what, f"{address} doesn't know who you are (401{_after(said)})", _SIGN_IN)
    if status == 403:
        advice = "ask for the right to do it in the namespace, or name another with --namespace"
        return _problem(Refused, what, f"access denied (403{_after(said)})", advice)
    if status == 404:
        return _problem(Refused, what, f"{address} has no such thing (404{_after(said)})", _FOREIGN)
    if 300 <= status < 400:
        place = (error.headers or {}).get("location", "elsewhere")
        if place.split("://")[-1].rstrip("/") == address.split("://")[-1]:
            return _problem(Refused, what, f"{address} sends us to {place}", "give that as --host")
        return _problem(SignedOut, what, f"{address} wants you to sign in ({status} to {place})", _SIGN_IN)
    if status == 429 or status >= 500:
        advice = "try again in a minute; the log of the deployment ml-pipeline says more"
        return _problem(Unanswered, what, f"the server failed ({status}{_after(said)})", advice)
    return _problem(Refused, what, f"{said or 'the server refuses it'} ({status})", "correct what the server names")


def _problem(kind: type[Refused], what: str, reason: str, advice: str) -> Refused:
    return kind([Diagnostic("P551", f"could not {what}: {reason}", help=advice)])


def _after(said: str) -> str:
    return f": {said}" if said else ""


def _said(error: Any) -> str:
    """The first line of what the server says, without the names of its error classes in front."""
    body = _body(error)
    text = str(body.get("message") or body.get("error_message") or body.get("error") or "") if body else ""
    if not text and not str(error.body or "").lstrip().startswith("<"):
        text = str(error.body or error.reason or "")
    line = next((line.strip() for line in text.splitlines() if line.strip()), "").rstrip(".")
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _body(error: Any) -> dict[str, Any]:
    """The body where it is the gateway's JSON."""
    try:
        body = json.loads(error.body or "")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _reason(error: Exception) -> str:
    """The last part of a chain of urllib3's errors, such as "Connection refused"."""
    text = str(error).rpartition("Failed to establish a new connection: ")[2] or str(error)
    return text.rpartition("] ")[2].rstrip("')") or type(error).__name__
