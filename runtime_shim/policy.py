"""What happens when a task fails: how often it is tried, what is caught, when it is ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY, EXIT_USER_FAILED

if TYPE_CHECKING:
    from penstock.runtime_shim.plan import PlannedStep

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Catch(NamedTuple):
    """``var`` is the artifact that gets the exception, None for none; ``prints`` whether it is shown."""

    var: str | None = None
    prints: bool = True


class Policy(NamedTuple):
    """A step's: ``retries`` after the first try, ``wait`` seconds before each, ``platform_only`` to retry only what was
    not the user's code; ``tries`` in all, those of a fallback included; ``timeout`` in seconds; ``environment`` for its
    code.
    """

    retries: int = 0
    wait: float = 0.0
    platform_only: bool = False
    catch: Catch | None = None
    tries: int = 1
    timeout: int | None = None
    environment: Mapping[str, str] = _NOTHING

    def next_try(self, number: int, code: int) -> int | None:
        """The number of the try after try ``number``, from 0, which ended with ``code`` (a signal's number negative);
        None where there is none.

        With @catch, a last try that ends as the user's failure could not store its exception, as one that had to be
        torn away at its deadline: what follows is the fallback's.
        """
        if code in (0, EXIT_DO_NOT_RETRY):
            return None
        following = number + 1
        if self.platform_only and code == EXIT_USER_FAILED:
            if self.catch is None:
                return None
            following = max(following, self.retries + 1)
        return following if following < self.tries else None

    def at_once(self, number: int, attempt: Callable[[int], int]) -> int:
        """Try ``number`` on a platform that makes the following ones; the exit code of what was tried last.

        A second one is made here where the failure is final to the platform, and @catch has a fallback for it.
        """
        code = attempt(number)
        if code == EXIT_USER_FAILED and self.platform_only:
            fallback = self.next_try(number, code)
            return code if fallback is None else attempt(fallback)
        return code

    def is_last(self, retry_count: int, max_user_code_retries: int) -> bool:
        """Whether the user's code is not run again after it has failed at this try."""
        return self.platform_only or retry_count >= max_user_code_retries

    def falls_back(self, retry_count: int, max_user_code_retries: int) -> bool:
        """Whether this try runs without the user's code: every try with it was killed."""
        return self.catch is not None and retry_count > max_user_code_retries


PLAIN = Policy()
"""Of a step without decorators: tried once."""


def policy_of(planned: PlannedStep) -> Policy:
    """What the decorators of a step say."""
    if not planned.decorators:
        return PLAIN
    from penstock.runtime_shim.decorators import DECORATORS, FALLBACK_TRIES, MAX_ATTEMPTS

    given: dict[str, dict[str, Any]] = {
        decorator["name"]: DECORATORS[decorator["name"]].complete(decorator["attributes"])
        for decorator in planned.decorators
        if decorator["name"] in DECORATORS
    }
    retry, caught, limit = given.get("retry"), given.get("catch"), given.get("timeout")
    retries = int(retry["times"]) if retry else 0
    fallback = FALLBACK_TRIES if caught else 0
    variables = given.get("environment", {}).get("vars") or {}
    return Policy(
        retries=retries,
        wait=60.0 * float(retry["minutes_between_retries"]) if retry else 0.0,
        platform_only=bool(retry) and given["retry"]["on"] == "platform",
        catch=Catch(caught["var"], bool(caught["print_exception"])) if caught else None,
        tries=min(MAX_ATTEMPTS, 1 + retries + fallback),
        timeout=(limit["hours"] * 60 + limit["minutes"]) * 60 + limit["seconds"] if limit else None,
        environment={str(name): str(value) for name, value in variables.items()},
    )
