"""``.penstockignore``: gitignore's patterns, matched as git does (gitignore(5), git's wildmatch.c)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_POSIX_CLASSES = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f", "digit": "0-9",
    "graph": "\\x21-\\x7e", "lower": "a-z", "print": "\\x20-\\x7e", "punct": "!-/:-@\\[-`{-~",
    "space": " \\t\\n\\r\\f\\v", "upper": "A-Z", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_SPECIAL = re.compile(r"[*?\[\\]")
_NEVER = "(?!)"


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern: ``negated`` takes a path in again, ``folders_only`` leaves files alone, ``anchored`` patterns are
    matched from the folder of their file, others against the last part of a path.
    """

    regex: re.Pattern[str]
    negated: bool
    folders_only: bool
    anchored: bool

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """Whether the pattern is about ``path``, which is relative to the folder of the pattern's file."""
        if self.folders_only and not is_folder:
            return False
        return self.regex.fullmatch(path if self.anchored else path.rpartition("/")[2]) is not None


def parse_rules(text: str) -> tuple[Rule, ...]:
    """The rules of a file, in order; blank lines and comments give none."""
    rules = (_rule(line.removesuffix("\r")) for line in text.removeprefix("\ufeff").split("\n"))
    return tuple(rule for rule in rules if rule is not None)


def is_ignored(path: str, *, is_folder: bool, rules: Sequence[tuple[str, Iterable[Rule]]]) -> bool:
    """What the last matching rule says of ``path``; False where none matches.

    ``rules`` are (folder, its rules), outermost folder first, folders given as ``""`` or ``a/b/``.  A path inside an
    ignored folder is not asked for: the caller doesn't enter it, as git doesn't.
    """
    verdict = False
    for folder, inner in rules:
        relative = path[len(folder) :]
        for rule in inner:
            if rule.matches(relative, is_folder=is_folder):
                verdict = not rule.negated
    return verdict


def _rule(line: str) -> Rule | None:
    pattern = _without_trailing_spaces(line)
    if not pattern or pattern.startswith("#"):
        return None
    negated = pattern.startswith("!")
    pattern = pattern[1:] if negated else pattern
    folders_only = pattern.endswith("/")
    pattern = pattern[:-1] if folders_only else pattern
    if not pattern:
        return None
    anchored = "/" in pattern
    return Rule(re.compile(_regex(pattern.removeprefix("/"), anchored), re.DOTALL), negated, folders_only, anchored)


def _without_trailing_spaces(line: str) -> str:
    end = len(line)
    while end and line[end - 1] == " ":
        backslashes = len(line[: end - 1]) - len(line[: end - 1].rstrip("\\"))
        if backslashes % 2:  # `\ ` keeps its space
            break
        end -= 1
    return line[:end]


def _regex(pattern: str, anchored: bool) -> str:
    out: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            end = at
            while end < len(pattern) and pattern[end] == "*":
                end += 1
            at = _stars(pattern, at, end, anchored, out)
        elif char == "?":
            out.append("[^/]")
            at += 1
        elif char == "[":
            text, at = _bracket(pattern, at)
            out.append(text)
        elif char == "\\":
            if at + 1 == len(pattern):
                return _NEVER  # git: a pattern that ends in a lone backslash never matches
            out.append(re.escape(pattern[at + 1]))
            at += 2
        else:
            out.append(re.escape(char))
            at += 1
    return "".join(out)


def _stars(pattern: str, start: int, end: int, anchored: bool, out: list[str]) -> int:
    """Translate the run of asterisks ``pattern[start:end]``; returns where to go on."""
    # git compares the literal beginning of a pattern first and matches the rest alone, where `**` is then the
    # beginning too.
    begins = start == 0 or pattern[start - 1] == "/" or not _SPECIAL.search(pattern, 0, start)
    whole_part = begins and (end == len(pattern) or pattern.startswith(("/", "\\/"), end))
    if end - start >= 2 and whole_part and anchored:
        if end == len(pattern) or pattern[end] == "\\":
            out.append(".*")
            return end
        out.append("(?:.*/)?")
        return end + 1
    out.append("[^/]*")
    return end


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    """Translate the class that begins at ``at``; an unclosed one never matches."""
    cursor = at + 1
    negated = cursor < len(pattern) and pattern[cursor] in "!^"
    cursor += negated
    parts: list[str] = []
    first = True
    while True:
        if cursor >= len(pattern):
            return _NEVER, len(pattern)
        if pattern[cursor] == "]" and not first:
            break
        first = False
        text, cursor = _bracket_item(pattern, cursor)
        if text is None:
            return _NEVER, len(pattern)
        parts.append(text)
    inside = "".join(parts)
    if negated:
        return f"[^/{inside}]", cursor + 1
    return (f"(?!/)[{inside}]" if inside else _NEVER), cursor + 1


def _bracket_item(pattern: str, at: int) -> tuple[str | None, int]:
    """A named class, a range or a character, for the inside of a regex class; None where the pattern is broken."""
    if pattern.startswith("[:", at):
        end = pattern.find("]", at + 2)
        if end < 0:
            return None, at
        if pattern[end - 1] == ":" and end - 1 >= at + 2:
            return _POSIX_CLASSES.get(pattern[at + 2 : end - 1]), end + 1
    low, after = _bracket_character(pattern, at)
    if low is None:
        return None, at
    if pattern[after : after + 1] == "-" and pattern[after + 1 : after + 2] not in ("", "]"):
        high, end = _bracket_character(pattern, after + 1)
        if high is None:
            return None, at
        span = f"{re.escape(low)}-{re.escape(high)}" if low <= high else ""
        return re.escape(low) + span, end  # git: of a range upside down its first character counts
    return re.escape(low), after


def _bracket_character(pattern: str, at: int) -> tuple[str | None, int]:
    if pattern[at] != "\\":
        return pattern[at], at + 1
    return (pattern[at + 1], at + 2) if at + 1 < len(pattern) else (None, at)
