"""From an imported flow class to what its author wrote."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import CodeType, FunctionType

from penstock.compiler.diagnostics import Diagnostic
from penstock.compiler.frontend.calls import arguments_of, ending_of
from penstock.compiler.frontend.decorating import Kept, added_decorator, decorators_of
from penstock.compiler.frontend.sources import ClassSource, FunctionNode, NoSource, SourceFile, SourceFiles
from penstock.compiler.frontend.written import WrittenDecorator, WrittenFlow, WrittenParameter, WrittenStep
from penstock.compiler.spans import Span
from penstock.runtime_shim.decorators import FLOW_DECORATORS
from penstock.runtime_shim.parameters import attributes_of


def read_written(
    flow_class: type, *, decospecs: Sequence[str] = ()
) -> tuple[WrittenFlow | None, tuple[Diagnostic, ...]]:
    """What the author of ``flow_class`` wrote, base classes included.

    None with a P101 where a source cannot be had.
    """
    reader = _Reader(flow_class)
    try:
        return reader.flow(tuple(decospecs)), ()
    except NoSource as error:
        what, reason = error.args
        message = f"the source of {what} cannot be read: {reason}"
        return None, (Diagnostic("P101", message, help="put the flow into a file and run that file"),)


class _Reader:
    """One reading of one flow class: every file is parsed once, every ``class`` statement looked up once."""

    def __init__(self, flow_class: type) -> None:
        self._class = flow_class
        self._files = SourceFiles()
        self._classes: dict[type, ClassSource | None] = {}

    def flow(self, decospecs: tuple[str, ...]) -> WrittenFlow:
        steps = {name: self._step(owner, name, function) for name, (owner, function) in self._step_functions().items()}
        source = self._source_of(self._class)
        return WrittenFlow(
            name=self._class.__name__,
            span=source.span if source else self._somewhere(steps),
            doc=inspect.cleandoc(self._class.__doc__ or ""),
            steps=steps,
            parameters=self._parameters(),
            decorators=self._flow_decorators(),
            added=tuple(map(added_decorator, decospecs)),
            class_attributes=frozenset(dir(self._class)),
        )

    def _flow_decorators(self) -> tuple[WrittenDecorator, ...]:
        """Those of the class and of its bases; of one name, those of the class nearest to the flow."""
        found: list[WrittenDecorator] = []
        noted: dict[type, Kept] = {}
        for owner in reversed(self._class.__mro__):
            base = next((base for base in owner.__mro__[1:] if base in noted), None)
            own: Kept = _kept(vars(owner), "decorators")
            if FLOW_DECORATORS in vars(owner):
                noted[owner] = _kept(vars(owner), FLOW_DECORATORS)
                own = [*noted[owner][len(noted[base]) if base else 0 :], *own]
            if own:
                source = self._source_of(owner)
                names = {name for name, _ in own}
                found = [decorator for decorator in found if decorator.name not in names]
                found += decorators_of(source.file if source else None, source.decorators if source else (), own)
        return tuple(found)

    def _somewhere(self, steps: Mapping[str, WrittenStep]) -> Span:
        """What stands for a class without a ``class`` statement: its first step, else the beginning of its file.

        Raises NoSource where it has neither.
        """
        return next((step.span for step in steps.values()), None) or self._files.of_class(self._class).start

    def _step_functions(self) -> dict[str, tuple[type, FunctionType]]:
        """Steps by name with the class that defines them: base classes first, the overriding definition wins."""
        found: dict[str, tuple[type, FunctionType]] = {}
        for owner in reversed(self._class.__mro__):
            for name, value in vars(owner).items():
                if callable(value) and getattr(value, "is_step", False) is True:
                    found[name] = (owner, value)
                elif name in found:
                    del found[name]
        return found

    def _parameters(self) -> tuple[WrittenParameter, ...]:
        written = []
        for attribute, value in attributes_of(self._class).items():
            owner = next(cls for cls in self._class.__mro__ if attribute in vars(cls))
            source = self._source_of(owner)
            written.append(WrittenParameter(attribute, value, source.assignment(attribute) if source else None))
        return tuple(written)

    def _step(self, owner: type, name: str, function: FunctionType) -> WrittenStep:
        plain = inspect.unwrap(function)
        file, node = self._function(owner, name, plain)
        return WrittenStep(
            name=name,
            span=file.header(node),
            arguments=arguments_of(node),
            ending=ending_of(file, node),
            unusual=_unusual(getattr(plain, "__code__", None)),
            earlier=self._earlier(owner, node),
            decorators=decorators_of(
                file,
                node.decorator_list,
                [*_kept(vars(function), "decorators"), *_kept(vars(function), FLOW_DECORATORS)],
            ),
            doc=inspect.cleandoc(function.__doc__ or ""),
        )

    def _function(self, owner: type, name: str, function: FunctionType) -> tuple[SourceFile, FunctionNode]:
        """Where a step is defined: by its code's first line, else (a decorator replaced it) by name in its class."""
        code = getattr(function, "__code__", None)
        if code is not None:
            file = self._files.open(code.co_filename, function.__globals__, f"the step `{name}`")
            node = file.functions.get((name, code.co_firstlineno))
            if node is not None:
                return file, node
        source = self._source_of(owner)
        if source is not None and name in source.functions:
            return source.file, source.functions[name][-1]
        raise NoSource(f"the step `{name}`", "no `def` of that name stands in the class")

    def _source_of(self, cls: type) -> ClassSource | None:
        if cls not in self._classes:
            try:
                self._classes[cls] = self._find_source(cls)
            except NoSource:
                self._classes[cls] = None
        return self._classes[cls]

    def _find_source(self, cls: type) -> ClassSource | None:
        """The ``class`` statement; of several of one name the one whose body holds its functions, else the last."""
        # Only functions are unwrapped: other objects may answer for `__wrapped__` for ever (`mock.call` does).
        plain = (inspect.unwrap(value) for value in vars(cls).values() if isinstance(value, FunctionType))
        prefix = f"{cls.__qualname__}."
        own = next((f for f in plain if isinstance(f, FunctionType) and f.__qualname__.startswith(prefix)), None)
        if own is None:
            candidates = self._files.classes_named(cls)
            return candidates[-1] if candidates else None
        file = self._files.open(own.__code__.co_filename, own.__globals__, f"the class `{cls.__qualname__}`")
        candidates = file.classes.get(cls.__qualname__, [])
        holding = [source for source in candidates if source.holds(own.__code__.co_firstlineno)]
        chosen = holding or candidates
        return chosen[-1] if chosen else None

    def _earlier(self, owner: type, node: FunctionNode) -> Span | None:
        source = self._source_of(owner)
        if source is None:
            return None
        before = [other for other in source.functions.get(node.name, ()) if other.lineno < node.lineno]
        return source.file.header(before[-1]) if before else None


def _unusual(code: CodeType | None) -> str:
    if code is None:
        return ""
    if code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        return "an `async` function"
    return "a generator" if code.co_flags & inspect.CO_GENERATOR else ""


def _kept(attributes: Mapping[str, object], name: str) -> Kept:
    """What decorators noted on a step or a flow; an attribute of that name which is something else is not theirs."""
    noted = attributes.get(name)
    return [entry for entry in noted if _is_note(entry)] if isinstance(noted, list) else []


def _is_note(entry: object) -> bool:
    match entry:
        case (str(), dict()):
            return True
        case _:
            return False
