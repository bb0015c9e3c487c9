"""``.penstockignore`` says of every path what git says of it."""

import random
import subprocess
from pathlib import Path

import pytest

from penstock.compiler.ignoring import is_ignored, parse_rules

NAMES = ["a", "b", "ab", "a.py", "b.txt", "foo", "foo bar", "!x", "#y", "]", "a-b", "A", "1", "a\\b", "*"]
PIECES = [
    "a", "b", "ab", "*", "**", "?", "/", "/", "[ab]", "[!a]", "[^b]", "[a-c]", "[]a]", "[[:alpha:]]", "[[:digit:]]",
    "\\*", "\\a", ".py",
    "foo", " ", "\\ ", "!", "#", "\\!", "\\#", "[", "]", "[z-a]", "***", "/**/",
    "**/", "/**", "[a-", "[[:bogus:]]", "-", "[\\]a]", "\\",
]  # fmt: skip


def tree(random_source: random.Random) -> list[str]:
    """Folders (ending in ``/``) and files, three levels."""
    paths: list[str] = []
    for top in random_source.sample(NAMES, 6):
        paths.append(top + "/")
        for middle in random_source.sample(NAMES, 4):
            paths.append(f"{top}/{middle}/")
            paths.extend(f"{top}/{middle}/{leaf}" for leaf in random_source.sample(NAMES, 3))
        paths.extend(f"{top}/{leaf}.f" for leaf in random_source.sample(NAMES, 2))
    return paths + [f"{leaf}.t" for leaf in NAMES]


TREE = tree(random.Random(1))


def said_by_git(folder: Path, paths: list[str]) -> set[str]:
    done = subprocess.run(
        ["git", "-C", str(folder), "check-ignore", "--no-index", "--stdin", "-z"],
        input="\0".join(path.rstrip("/") for path in paths), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    ignored = set(done.stdout.split("\0"))
    return {path for path in paths if path.rstrip("/") in ignored}


def said_by_us(text: str, paths: list[str]) -> set[str]:
    rules = [("", parse_rules(text))]
    out = set()
    for path in paths:
        parts = path.rstrip("/").split("/")
        for depth in range(1, len(parts) + 1):
            is_folder = depth < len(parts) or path.endswith("/")
            if is_ignored("/".join(parts[:depth]), is_folder=is_folder, rules=rules):
                out.add(path)
                break
    return out


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the folders of the tree: git asks the file system what is one."""
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for path in TREE:
        if path.endswith("/"):
            (folder / path).mkdir(parents=True, exist_ok=True)
    return folder


def agree(repository: Path, text: str) -> None:
    (repository / ".gitignore").write_text(text, newline="")
    assert said_by_us(text, TREE) == said_by_git(repository, TREE), text


@pytest.mark.parametrize(
    "text",
    [
        "*.py\n!keep.py\n", "/a\n", "a/\n", "a/**\n", "**/b\n", "a/**/b\n", "foo bar  \n", "foo\\ \n",
        "# no\n\\#y\n", "!a\na\n!a/b\n",
        "a/*\n!a/b\n", "*\n!*/\n!*.py\n", "\ufeffa\n", "a\r\nb\r\n", "[!a]\n", "a?\n", "\\\n", "a\\\n",
        "/\n", "//\n", "a//b\n", "***\n",
    ],
)  # fmt: skip
def test_the_cases_of_the_manual_agree_with_git(repository: Path, text: str) -> None:
    agree(repository, text)


def test_random_patterns_agree_with_git(repository: Path) -> None:
    source = random.Random(21)
    for _ in range(400):
        lines = ["".join(source.choices(PIECES, k=source.randint(1, 5))) for _ in range(source.randint(1, 4))]
        agree(repository, "\n".join(lines) + "\n")


def test_rules_of_an_inner_folder_win_over_those_outside() -> None:
    rules = [("", parse_rules("*.py")), ("a/b/", parse_rules("!x.py\n/y.py"))]
    assert is_ignored("a/x.py", is_folder=False, rules=rules[:1])
    assert not is_ignored("a/b/x.py", is_folder=False, rules=rules)
    assert is_ignored("a/b/y.py", is_folder=False, rules=rules)
