"""What the command groups of all targets share: the state they are given and options made from a flow's parameters.

A target's click group finds a :class:`State` as ``context.obj``.  Commands that take the flow's parameters are made
with ``cls=FlowCommand`` and read them by :func:`given_parameters`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import fields
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

import click

from penstock.runtime_shim.failures import Failure

if TYPE_CHECKING:
    from penstock.backends.protocol import Choices
    from penstock.compiler.diagnostics import Diagnostic
    from penstock.compiler.pipeline import Compiled
    from penstock.compiler.program import Program
    from penstock.runtime_shim.configuration import Configuration
    from penstock.runtime_shim.datastore.protocol import Datastore
    from penstock.runtime_shim.entry import Options
    from penstock.runtime_shim.parameters import Parameter


class State(Protocol):
    """What the command line knows when a command of a flow runs."""

    @property
    def flow_class(self) -> type:
        """The user's class."""
        ...

    @property
    def options(self) -> Options:
        """The options before the command."""
        ...

    @property
    def configuration(self) -> Configuration:
        """Environment and profile, read when first asked for.

        Raises Failure for a profile that cannot be read.
        """
        ...

    @property
    def entry(self) -> tuple[str, ...]:
        """How the flow file is run, as arguments after the interpreter."""
        ...

    def add_decospecs(self, decospecs: Sequence[str]) -> None:
        """Take the `--with` of a command, besides those before it; before anything is compiled."""
        ...

    def compiled(self) -> Compiled:
        """The flow, compiled once, with everything there is to say about it."""
        ...

    def program(self) -> Program:
        """The compiled flow.

        Raises Refused when it has errors.
        """
        ...

    def datastore(self) -> Datastore:
        """The configured store.

        Raises Failure when it cannot be opened.
        """
        ...


class CannotWrite(Failure):
    """A file named on the command line cannot be written."""

    code = "P509"
    exit_code = 1


def write_file(path: str, data: bytes) -> None:
    """Write a file that the user named.

    Raises CannotWrite.
    """
    try:
        with open(path, "wb") as file:
            file.write(data)
    except OSError as error:
        raise CannotWrite(f"cannot write {path}: {error.strerror}") from error


def warn(diagnostics: Iterable[Diagnostic]) -> None:
    """Show what there is to say about the flow, on stderr."""
    found = list(diagnostics)
    if found:
        from penstock.compiler.render import render_text

        click.echo(render_text(found), err=True)


def chosen_with(options: Callable[[Callable[..., Any]], Callable[..., Any]], state: State, choices: Choices) -> Any:
    """What ``options`` give a command as its argument ``chosen``, where a user has said what ``choices`` say.

    ``options`` is a decorator; what it shares with other targets it calls as the fields of ``choices`` are called.
    Raises Refused (P514) where ``choices.own`` has options or values that the target does not know.
    """

    def nothing_else(chosen: object) -> object:
        return chosen

    command = click.command("compile", add_help_option=False)(options(nothing_else))
    shared = {field.name: getattr(choices, field.name) for field in fields(choices) if field.name != "own"}
    try:
        with command.make_context("compile", list(choices.own), obj=state, default_map=shared) as context:
            return command.invoke(context)
    except click.UsageError as error:
        from penstock.compiler.diagnostics import Diagnostic, Refused

        message = f"{' '.join(choices.own)!r} is not for this target: {error.format_message()}"
        raise Refused(
            [Diagnostic("P514", message, help="the help of the target's own command lists its options")]
        ) from None


class LateGroup(click.Group):
    """A group with commands of other modules besides its own, imported when one is used or the group's help is shown.

    ``late`` has them by name, as ``module:attribute``.
    """

    def __init__(self, *arguments: Any, late: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._late = late

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all of them."""
        return sorted([*super().list_commands(ctx), *self._late])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None where there is none."""
        if cmd_name in self._late:
            module, _, attribute = self._late[cmd_name].partition(":")
            return cast("click.Command", getattr(import_module(module), attribute))
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click, but of a command that does not exist it says which may have been meant."""
        near = get_close_matches(args[0], self.list_commands(ctx), n=1)
        if near and near[0] != args[0]:
            raise click.UsageError(f"No such command '{args[0]}'. Did you mean '{near[0]}'?", ctx)
        return super().resolve_command(ctx, args)


class FlowCommand(click.Command):
    """A command with one option for every parameter of the flow, beside its own.

    Values stay texts here, and are converted by :func:`given_parameters`, so that all mistakes are told at once.  An
    option of the command that has two names gives up the one that is a parameter's; one that has no other is called
    ``--<prefix>-host`` then.  Where an option is not given, ``METAFLOW_RUN_<NAME>`` of the environment counts.
    """

    def __init__(self, *arguments: Any, prefix: str = "penstock", **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.prefix = prefix

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The flow's options, in declaration order, then the command's own."""
        own = super().get_params(ctx)
        flow_class = ctx.obj.flow_class if ctx.obj is not None else None
        if flow_class is None:
            return own
        from penstock.runtime_shim.parameters import parameters_of

        parameters = parameters_of(flow_class).values()
        wanted = {spelling for parameter in parameters for spelling in _spellings(parameter)}
        own = [_giving_way(param, wanted, self.prefix) for param in own]
        taken = {name for param in own for name in (*param.opts, *param.secondary_opts)}
        options = [_option(parameter, taken) for parameter in parameters]
        return [*options, *own]


class _ParameterOption(click.Option):
    """The option of one flow parameter; ``parameter`` converts its text."""

    def __init__(self, parameter: Parameter, declarations: list[str]) -> None:
        super().__init__(
            declarations,
            metavar=parameter.type_name.upper(),
            help=_help(parameter),
            envvar=f"METAFLOW_RUN_{parameter.name.replace('-', '_').upper()}",
            expose_value=False,
            callback=_remember,
        )
        self.parameter = parameter


def _option(parameter: Parameter, taken: set[str]) -> _ParameterOption:
    flag = f"--{parameter.name}"
    if flag in taken:
        from penstock.compiler.diagnostics import Diagnostic, Refused

        message = f"the parameter `{parameter.name}` has the name of an option, `{flag}`"
        raise Refused([Diagnostic("P505", message, help="give the parameter another name")])
    spellings = [spelling for spelling in _spellings(parameter) if spelling not in taken]
    return _ParameterOption(parameter, [f"parameter_{parameter.attribute}", *spellings])


def _spellings(parameter: Parameter) -> list[str]:
    """Underscores and dashes are both what people type; the same spelling twice would confuse click."""
    flag = f"--{parameter.name}"
    return list(dict.fromkeys([flag, flag.replace("_", "-")]))


def _giving_way(own: click.Parameter, wanted: set[str], prefix: str) -> click.Parameter:
    """A command's own option, without the spellings that the flow's parameters want; with another one where it has none
    left.
    """
    left = [spelling for spelling in own.opts if spelling not in wanted]
    if left == own.opts:
        return own
    left = left or [f"--{prefix}-{own.opts[0].lstrip('-')}"]
    giving = copy(own)
    giving.opts = left
    return giving


def _help(parameter: Parameter) -> str:
    notes = []
    if parameter.is_deferred:
        notes.append("default: computed")
    elif parameter.has_default and parameter.show_default:
        notes.append(f"default: {parameter.default}")
    if parameter.required:
        notes.append("required")
    suffix = f"[{'; '.join(notes)}]" if notes else ""
    return "  ".join(part for part in (parameter.help, suffix) if part)


def _remember(ctx: click.Context, option: click.Parameter, text: str | None) -> None:
    if text is not None:
        cast("dict[str, str]", ctx.meta.setdefault(__name__, {}))[cast("_ParameterOption", option).parameter.name] = (
            text
        )


def given_parameters(ctx: click.Context) -> dict[str, object]:
    """The values that the command line and the environment give, by name, as JSON-able values for ``_input.json``.

    Raises click.UsageError with a sentence for every value that cannot be read and every required one that is missing.
    """
    from penstock.runtime_shim.parameters import parameters_of

    texts: Mapping[str, str] = ctx.meta.get(__name__, {})
    values: dict[str, object] = {}
    wrong: list[str] = []
    for name, parameter in parameters_of(ctx.obj.flow_class).items():
        if name not in texts:
            if parameter.required:
                wrong.append(f"parameter `{name}` is required: give --{name} {parameter.type_name.upper()}")
            continue
        try:
            values[name] = parameter.stored(parameter.convert(texts[name]))
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        raise click.UsageError("\n       ".join(wrong), ctx)
    return values
