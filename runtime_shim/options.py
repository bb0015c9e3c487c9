"""The options of a flow's command line that stand before the command, once: for `init` and `step`, which are read
here, and for the other commands, which give the same table to click.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from penstock.runtime_shim.failures import Failure


class UsageError(Failure):
    """A command line that can't be read: exit code 2."""

    code = "R121"
    exit_code = 2


class OptionSpec(NamedTuple):
    """One option: ``flag`` as typed, ``field`` of :class:`Options`; ``kind`` is ``value``, ``flag`` or ``many``
    (repeatable).
    """

    flag: str
    field: str
    kind: str
    help: str
    hidden: bool = False


TOP_LEVEL = (
    OptionSpec("--quiet", "quiet", "flag", "Say nothing that is not asked for."),
    OptionSpec("--datastore", "datastore", "value", "Where artifacts are stored: local, s3, or a plugin's name."),
    OptionSpec(
        "--datastore-root", "datastore_root", "value", "The root of the datastore: a folder or s3://bucket/prefix."
    ),
    OptionSpec("--metadata", "metadata", "value", "Accepted as Metaflow's; metadata stands in the datastore.", True),
    OptionSpec("--with", "decospecs", "many", "Add a decorator to every step: name:key=value,key=value."),
    OptionSpec(
        "--package-suffixes", "package_suffixes", "value", "Suffixes of the files that go into the code package."
    ),
    OptionSpec("--environment", "environment", "value", "Accepted as Metaflow's; steps run in their image.", True),
    OptionSpec("--no-pylint", "no_pylint", "flag", "Accepted as Metaflow's; pylint is never run.", True),
    OptionSpec("--pylint", "pylint", "flag", "Accepted as Metaflow's; pylint is never run.", True),
    OptionSpec("--event-logger", "event_logger", "value", "Accepted as Metaflow's; no events are sent.", True),
    OptionSpec("--monitor", "monitor", "value", "Accepted as Metaflow's; nothing is measured.", True),
    OptionSpec("--debug", "debug", "flag", "Show the traceback of a failure of Penstock itself."),
)


class Options:
    """The options before the command, with their defaults: None where the configuration decides."""

    def __init__(self, **values: object) -> None:
        self.quiet = bool(values.get("quiet", False))
        self.datastore = _text(values.get("datastore"))
        self.datastore_root = _text(values.get("datastore_root"))
        self.metadata = _text(values.get("metadata"))
        self.decospecs = texts(values.get("decospecs"))
        self.package_suffixes = _text(values.get("package_suffixes"))
        self.environment = _text(values.get("environment"))
        self.no_pylint = bool(values.get("no_pylint", False))
        self.pylint = bool(values.get("pylint", False))
        self.event_logger = _text(values.get("event_logger"))
        self.monitor = _text(values.get("monitor"))
        self.debug = bool(values.get("debug", False))

    def to_argv(self) -> list[str]:
        """The options as arguments again, for the processes of a local run; defaults are left out."""
        argv: list[str] = []
        for spec in TOP_LEVEL:
            value = getattr(self, spec.field)
            if spec.kind == "flag":
                argv += [spec.flag] if value else []
            elif spec.kind == "many":
                argv += [f"{spec.flag}={item}" for item in value]
            elif value is not None:
                argv.append(f"{spec.flag}={value}")
        return argv


class Parsed(NamedTuple):
    """What stood on the command line: the values by field, and what was left over."""

    values: dict[str, object]
    rest: list[str]


def parse(specs: Sequence[OptionSpec], argv: Sequence[str], where: str, *, stop_at_word: bool = False) -> Parsed:
    """Read ``--name value``, ``--name=value`` and flags.

    ``where`` names the command in errors.  With ``stop_at_word`` reading ends at the first argument that is no option;
    without it, such an argument is an error.  Options that ``specs`` does not name are errors too.  Raises UsageError.
    """
    by_flag = {spec.flag: spec for spec in specs}
    values: dict[str, object] = {}
    at = 0
    while at < len(argv):
        word = argv[at]
        at += 1
        if not word.startswith("--") or word == "--":
            if stop_at_word:
                return Parsed(values, [word, *argv[at:]])
            raise UsageError(f"{where} does not take the argument {word!r}")
        flag, equals, value = word.partition("=")
        spec = by_flag.get(flag)
        if spec is None:
            raise UsageError(f"{where} has no option `{flag}`", help=f"options: {', '.join(sorted(by_flag))}")
        if spec.kind == "flag":
            if equals:
                raise UsageError(f"{where}: the option `{flag}` takes no value")
            values[spec.field] = True
            continue
        if not equals:
            if at == len(argv):
                raise UsageError(f"{where}: the option `{flag}` needs a value")
            value = argv[at]
            at += 1
        if spec.kind == "many":
            values[spec.field] = (*texts(values.get(spec.field)), value)
        else:
            values[spec.field] = value
    return Parsed(values, [])


def split_command(argv: Sequence[str]) -> tuple[Options, list[str]]:
    """The options before the command, and the command with everything after it.

    Raises UsageError.
    """
    parsed = parse(TOP_LEVEL, argv, "the flow", stop_at_word=True)
    return Options(**parsed.values), parsed.rest


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def texts(value: object) -> tuple[str, ...]:
    """The values of a repeatable option; none where it was not given."""
    return tuple(str(item) for item in value) if isinstance(value, (tuple, list)) else ()
