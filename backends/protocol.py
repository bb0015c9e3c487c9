"""What a backend is: a description, a judgment of what the description can't say, and a function to files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from penstock.compiler.capabilities import Capabilities, check

if TYPE_CHECKING:  # the graph behind a program loads networkx, which `--help` does without
    from penstock.backends.commandline import State
    from penstock.backends.differences import Description
    from penstock.compiler.diagnostics import Diagnostic
    from penstock.compiler.packaging import CodePackage
    from penstock.compiler.program import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a lowering may depend on besides the program; resolved before it, from files and options only.

    ``datastore_root`` is where containers read and write (``s3://bucket/prefix``); ``package_sha`` names the code
    package (``<flow>/data/ab/<sha>`` below the root, empty where the target needs none); ``entry`` is how the flow file
    is run, as arguments after the interpreter (``("flow.py",)`` or ``("-m", "penstock", "flow.py")``); ``config`` holds
    the allow-listed configuration keys that containers need (region, endpoint), never credentials.  ``image`` is the
    container image, ``tags`` mark every run.  ``max_workers`` is the widest fan-out that runs at once,
    ``workflow_timeout`` in seconds, 0 for none.
    """

    datastore_root: str
    name: str
    entry: tuple[str, ...]
    package_sha: str = ""
    image: str = ""
    config: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    tags: tuple[str, ...] = ()
    namespace: str = ""
    user: str = ""
    max_workers: int = 100
    workflow_timeout: int = 0


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a lowering gives: files by relative path, ``main`` the one that `--only-json` and the like print."""

    files: Mapping[str, bytes]
    main: str

    def __post_init__(self) -> None:
        if self.main not in self.files:
            raise ValueError(f"the bundle has no file {self.main!r}")
        for path in self.files:
            if any(part in ("", ".", "..") for part in path.split("/")):
                raise ValueError(f"the bundle's path {path!r} is not one below a folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What may be chosen for every target alike; None or empty where the configuration decides.

    ``max_workers`` is the number of tasks of one foreach at once.  ``own`` are options of the target's own commands, as
    arguments: :func:`penstock.backends.commandline.chosen_with` reads them, and all that is chosen here.
    """

    datastore_root: str | None = None
    image: str | None = None
    tags: tuple[str, ...] = ()
    max_workers: int = 100
    own: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compilation:
    """A flow compiled for one target: ``name`` is what it is called there, ``datastore_root`` where its tasks find the
    code ``package``, None where they need none; ``warnings`` is what there is to say, of the flow and of the target.
    """

    name: str
    bundle: Bundle
    datastore_root: str
    package: CodePackage | None
    warnings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowCommand:
    """A command that a target adds to a flow's command line besides its group: ``command`` is ``module:attribute`` of
    the click command, imported only when it is used.
    """

    name: str
    command: str
    summary: str


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """``name`` is the target's name (``step-functions``), ``title`` what people call it.

    ``commands`` is ``module:attribute`` of the click group it adds to a flow's command line, imported only when that
    group is used; empty where it adds none.  ``flow_commands`` stand beside that group, under names that people know.
    ``scheduler`` says whether its files are handed to a scheduler: `--target all` means those.
    """

    name: str
    title: str
    summary: str
    capabilities: Capabilities
    commands: str
    flow_commands: tuple[FlowCommand, ...] = ()
    scheduler: bool = True


S = TypeVar("S", bound=Settings, contravariant=True)


class Backend(Protocol, Generic[S]):
    """A scheduler.  ``lower`` is pure, total on programs that pass :func:`gaps`, and deterministic."""

    @property
    def info(self) -> BackendInfo:
        """What it is and can do."""
        ...

    def check(self, program: Program) -> Sequence[Diagnostic]:
        """What stands in the way of this program, or is not done as it says, beyond what the capabilities tell.

        Reads nothing but the program; settings are judged where they are resolved.
        """
        ...

    def lower(self, program: Program, settings: S) -> Bundle:
        """The files the scheduler takes.  Reads no network, no clock, no random source; never raises a user error."""
        ...

    def compile(self, state: State, choices: Choices, output: str | None = None) -> Compilation:
        """From a flow's command line to its files: settings resolved from choices and configuration, everything
        checked, the code packed, the program lowered.  Asks nothing of a network, and touches no credentials.

        ``output`` is a folder that the command writes, which the code package leaves out.  Raises Refused with
        everything that is wrong, in one go; Failure for a profile that can't be read, and for a parameter whose default
        function fails.
        """
        ...

    def describe(self, bundle: Bundle) -> Description:
        """A bundle in words that people compare, as :func:`penstock.backends.differences.described` does for any.

        Raises ValueError for one that is none of this target's.
        """
        ...


def gaps(
    program: Program, backend: Backend[Any], others: Mapping[str, Capabilities] = MappingProxyType({})
) -> tuple[Diagnostic, ...]:
    """Everything that a target has to say about a program, sorted by place.

    ``others`` are the targets by name that a message may recommend instead.
    """
    found = check(program, backend.info.title, backend.info.capabilities, others)
    return tuple(sorted([*found, *backend.check(program)], key=lambda gap: gap.sort_key))
