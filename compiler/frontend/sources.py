"""The user's source files, parsed once each, and where things stand in them."""

from __future__ import annotations

import ast
import inspect
import linecache
import os
import re
import warnings
from collections.abc import Iterator

from penstock.compiler.spans import Span

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_HEADER = re.compile(r"(?:async\s+)?(?:def|class)\s+\w+")
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


class NoSource(Exception):
    """The source of a thing cannot be had; ``args[0]`` names the thing, ``args[1]`` says what is in the way."""


class SourceFile:
    """One file: its lines, its functions by name and first line (decorators included), its classes by qualified
    name."""

    def __init__(self, path: str, lines: list[str]) -> None:
        self.path = shown_path(path)
        self.lines = [line.rstrip("\n") for line in lines]
        with warnings.catch_warnings():
            # Python told the user about an invalid escape when the file was imported; once is enough.
            warnings.simplefilter("ignore")
            tree = ast.parse("".join(lines), path)
        self.functions: dict[tuple[str, int], FunctionNode] = {}
        self.classes: dict[str, list[ClassSource]] = {}
        for qualname, node in _definitions(tree):
            if isinstance(node, ast.ClassDef):
                self.classes.setdefault(qualname, []).append(ClassSource(self, node))
            else:
                first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
                self.functions[node.name, first] = node

    @property
    def start(self) -> Span:
        """The very first place of the file."""
        return Span(self.path, 1, 1, 1, 1)

    def span(self, node: ast.expr | ast.stmt | ast.keyword | ast.pattern) -> Span:
        """The characters of ``node``."""
        end_line = node.end_lineno or node.lineno
        end_offset = node.end_col_offset if node.end_col_offset is not None else node.col_offset
        start, end = self._column(node.lineno, node.col_offset), self._column(end_line, end_offset)
        return Span(self.path, node.lineno, start, end_line, end)

    def header(self, node: FunctionNode | ast.ClassDef) -> Span:
        """``def name`` or ``class Name`` of a definition, without decorators and arguments."""
        column = self._column(node.lineno, node.col_offset)
        match = _HEADER.match(self._line(node.lineno), column - 1)
        end = match.end() + 1 if match else column
        return Span(self.path, node.lineno, column, node.lineno, end)

    def is_elif(self, node: ast.If) -> bool:
        """Whether it is written ``elif``, not ``if`` under an ``else``."""
        return self._line(node.lineno).lstrip().startswith("elif")

    def text(self, node: ast.expr | ast.pattern) -> str:
        """The source of ``node`` on one line, shortened."""
        span = self.span(node)
        if span.line == span.end_line:
            text = self._line(span.line)[span.column - 1 : span.end_column - 1]
        else:
            text = self._line(span.line)[span.column - 1 :].rstrip() + " …"
        return text if len(text) <= 40 else text[:39] + "…"

    def count_word(self, word: str, body: list[ast.stmt]) -> int:
        """How often ``word`` stands in the lines of ``body``, comments and strings included."""
        lines = self.lines[body[0].lineno - 1 : body[-1].end_lineno]
        return sum(len(re.findall(rf"\b{word}\b", line)) for line in lines if word in line)

    def _line(self, number: int) -> str:
        # The text is what was parsed, but a loader may count a form feed as the end of a line, as Python does not.
        return self.lines[number - 1] if number <= len(self.lines) else ""

    def _column(self, line: int, byte_offset: int) -> int:
        text = self._line(line)
        if text.isascii():
            return byte_offset + 1
        return len(text.encode()[:byte_offset].decode(errors="ignore")) + 1


class ClassSource:
    """A ``class`` statement: the functions in its body by name, in order, and its assignments."""

    def __init__(self, file: SourceFile, node: ast.ClassDef) -> None:
        self.file = file
        self.functions: dict[str, list[FunctionNode]] = {}
        self._node = node
        self._assignments: dict[str, ast.stmt] = {}
        for child in node.body:
            match child:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    self.functions.setdefault(name, []).append(child)
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    self._assignments[name] = child
                case _:
                    pass

    @property
    def decorators(self) -> list[ast.expr]:
        """The expressions after ``@``, from top to bottom."""
        return self._node.decorator_list

    @property
    def span(self) -> Span:
        """``class Name``."""
        return self.file.header(self._node)

    def holds(self, line: int) -> bool:
        """Whether ``line`` lies inside it."""
        return self._node.lineno <= line <= (self._node.end_lineno or self._node.lineno)

    def assignment(self, name: str) -> Span | None:
        """The last assignment to ``name`` in its body."""
        statement = self._assignments.get(name)
        return self.file.span(statement) if statement else None


class SourceFiles:
    """Every file that one reading of a flow needs."""

    def __init__(self) -> None:
        self._files: dict[str, SourceFile] = {}

    def of_class(self, cls: type) -> SourceFile:
        """The file that a class was defined in.

        Raises NoSource.
        """
        try:
            path = inspect.getsourcefile(cls)
        except (TypeError, OSError):
            path = None
        if path is None:
            raise NoSource(f"the class `{cls.__qualname__}`", "it was not read from a file")
        return self.open(path, {}, f"the class `{cls.__qualname__}`")

    def classes_named(self, cls: type) -> list[ClassSource]:
        """The ``class`` statements that may be that of ``cls``: in its file, else in the files read so far."""
        try:
            return self.of_class(cls).classes.get(cls.__qualname__, [])
        except NoSource:
            found = (file.classes.get(cls.__qualname__, []) for file in self._files.values())
            return [source for sources in found for source in sources]

    def open(self, path: str, module_globals: dict[str, object], what: str) -> SourceFile:
        """The file that a code object names; ``module_globals`` lead to the loader of a module inside an archive.

        Raises NoSource, naming ``what``, where there is none, as for code typed at a prompt.
        """
        if path not in self._files:
            linecache.checkcache(path)
            lines = linecache.getlines(path, module_globals)
            if not lines:
                reason = f"`{path}` cannot be read" if os.path.exists(path) else f"there is no file `{path}`"
                raise NoSource(what, "it was typed at a prompt or made by `exec`" if path.startswith("<") else reason)
            try:
                self._files[path] = SourceFile(path, lines)
            except (SyntaxError, ValueError) as error:
                raise NoSource(what, f"`{path}` changed since it was imported: {error}") from error
        return self._files[path]


def shown_path(path: str) -> str:
    """``path`` as diagnostics show it: relative to the current folder where it lies inside."""
    if path.startswith("<"):
        return path
    absolute = os.path.abspath(path)
    relative = os.path.relpath(absolute)
    return absolute if relative.startswith(os.pardir) else relative


def _definitions(tree: ast.Module) -> Iterator[tuple[str, FunctionNode | ast.ClassDef]]:
    """Every function and class with its qualified name, however deep; iterative, by statements only."""
    stack: list[tuple[str, ast.AST]] = [("", tree)]
    while stack:
        prefix, node = stack.pop()
        inner = prefix
        if isinstance(node, ast.ClassDef):
            yield prefix + node.name, node
            inner = f"{prefix}{node.name}."
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, node
            inner = f"{prefix}{node.name}.<locals>."
        for block in _BLOCKS:
            stack.extend((inner, child) for child in reversed(getattr(node, block, ())))
