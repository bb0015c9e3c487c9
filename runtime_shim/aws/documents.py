"""The XML that S3 answers with."""

from __future__ import annotations

import pyexpat

Leaves = dict[str, list[str]]


class NoDocument(ValueError):
    """It is no XML."""


def leaves(data: bytes) -> tuple[str, Leaves]:
    """The name of the outermost element, and the texts of the innermost ones by their path below it.

    Raises NoDocument.

    >>> leaves(b"<R><Item><Key>a</Key></Item><Item><Key>b</Key></Item><More>no</More></R>")
    ('R', {'Item/Key': ['a', 'b'], 'More': ['no']})
    """
    parser = pyexpat.ParserCreate()
    parser.buffer_text = True
    path: list[str] = []
    text: list[str] = []
    found: Leaves = {}
    root = ""
    innermost = False

    def start(name: str, _: object) -> None:
        nonlocal innermost, root
        root = root or name
        path.append(name)
        text.clear()
        innermost = True

    def end(_: str) -> None:
        nonlocal innermost
        if innermost and len(path) > 1:
            found.setdefault("/".join(path[1:]), []).append("".join(text))
        innermost = False
        path.pop()

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text.append
    try:
        parser.Parse(data, True)
    except pyexpat.ExpatError as error:
        raise NoDocument(str(error)) from None
    return root, found
