"""`show`, `output-dot`, `output-raw`, `check`: a flow described."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from command_line import Shell
from corpus_flows import load
from generated_flows import diamonds, linear

from penstock.cli.layout import Box, _path

FLOW = '''
from penstock import FlowSpec, Parameter, step


class ShowFlow(FlowSpec):
    """Counts <b>things</b> & more."""

    n = Parameter("n", default=3, help="how <i>many</i>")
    who = Parameter("who", required=True, type=str)

    @step
    def start(self):
        """Begins."""
        self.xs = list(range(self.n))
        self.next(self.each, foreach="xs")

    @step
    def each(self):
        self.text = "</pre><script>alert(1)</script>"
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.both)

    @step
    def right(self):
        self.next(self.both)

    @step
    def both(self, inputs):
        self.next(self.done)

    @step
    def done(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ShowFlow()
'''

SHOWN = """\
ShowFlow
Counts <b>things</b> & more.

Graph
  start  foreach xs
  ╘═ each
     ├─ left
     └─ right
     both
  done
  end

Steps
  start  foreach
    Begins.
    => each  (for each item of xs)
  each  split
    ?
    => left, right  (side by side)
  left
    ?
    => both
  right
    ?
    => both
  both  join
    ?
    => done
  done  join
    ?
    => end
  end
    ?
    => the flow is over

Parameters
  name    type    default     help
  n       int     3           how <i>many</i>
  who     str     required

Targets
  local  can run this flow
  step-functions  can run this flow
  kfp  can run this flow
  argo-workflows  can run this flow
"""


@pytest.fixture
def flow(shell: Shell) -> Shell:
    (shell.folder / "flow.py").write_text(FLOW)
    return shell


def test_a_flow_described_in_the_terminal(flow: Shell) -> None:
    done = flow.run("flow.py", "show")
    assert done.code == 0, done.err
    assert [line.rstrip() for line in done.out.splitlines()] == SHOWN.splitlines()


def test_square_brackets_of_the_user_are_no_markup(flow: Shell) -> None:
    (flow.folder / "flow.py").write_text(FLOW.replace("Begins.", "[bold]Begins[/] [/].").replace("how <i>", "[red]"))
    shown = flow.run("flow.py", "show").out
    assert "[bold]Begins[/] [/]." in shown
    assert "[red]many" in shown


class Page(HTMLParser):
    """What stands in a page."""

    VOID = frozenset({"meta", "path", "rect", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "action"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def source(flow: Shell) -> str:
    done = flow.run("flow.py", "show", "--html", "flow.html")
    assert (done.code, done.out, done.err) == (0, "", "Written to flow.html\n")
    return (flow.folder / "flow.html").read_text()


def test_a_page_is_well_formed_and_needs_nothing_from_elsewhere(source: str) -> None:
    page = Page(source)
    assert page.open == []
    assert not {"script", "link", "img", "iframe", "b", "i"} & set(page.tags)
    assert all(link.startswith("#") for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert "url(" not in source.replace("url(#arrow)", "")
    assert "@import" not in source


def test_a_page_shows_steps_docs_code_parameters_and_targets(source: str) -> None:
    page = Page(source)
    assert [name for name in page.ids if name.startswith("step-")] == [
        f"step-{name}" for name in ("start", "each", "left", "right", "both", "done", "end")
    ]
    for text in (
        "Counts <b>things</b> & more.",
        "Begins.",
        'self.text = "</pre><script>alert(1)</script>"',
        "how <i>many</i>",
        "AWS Step Functions",
        "foreach inside a branch",
        "foreach xs",
    ):
        assert text in page.text, text
    assert page.tags.count("rect") == 7 + 1  # a box for each step, a frame for the foreach
    assert page.tags.count("svg") == 1


def test_the_same_flow_gives_the_same_page(flow: Shell, source: str) -> None:
    flow.run("flow.py", "show", "--html=again.html", PYTHONHASHSEED="1")
    assert (flow.folder / "again.html").read_text() == source


def test_inherited_steps_are_shown_with_their_own_code(flow: Shell) -> None:
    (flow.folder / "base.py").write_text(
        "from penstock import FlowSpec, step\n\n\n"
        "class Base(FlowSpec):\n    @step\n    def end(self):\n        print('inherited')\n"
    )
    text = FLOW.replace("(FlowSpec):", "(Base):").replace("    @step\n    def end(self):\n        pass\n", "")
    (flow.folder / "flow.py").write_text("from base import Base\n" + text)
    flow.run("flow.py", "show", "--html=flow.html")
    page = Page((flow.folder / "flow.html").read_text()).text
    assert "print('inherited')" in page
    assert "base.py:6" in page


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@pytest.mark.parametrize("name", ["everything_nested", "loop_exits", "crossing_with_all", "switch_shared_tail"])
def test_no_two_boxes_touch_and_all_are_inside(shell: Shell, name: str) -> None:
    source = load(name).file
    done = shell.run(str(source), "show", f"--html={shell.folder / 'flow.html'}")
    assert done.code == 0, done.err
    page = (shell.folder / "flow.html").read_text()
    width, height = map(float, re.search(r'<svg [^>]*width="([\d.]+)" height="([\d.]+)"', page).groups())  # type: ignore[union-attr]  # it is there
    found = re.findall(r'class="box \w+"><rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', page)
    boxes = [Box("", *map(float, numbers)) for numbers in found]
    assert len(boxes) == source.read_text().count("@step\n")
    assert not [(a, b) for a in boxes for b in boxes if a is not b and overlap(a, b)]
    assert all(box.x > 0 and box.y > 0 and box.x + box.width < width and box.y + box.height < height for box in boxes)


def test_a_way_back_goes_around_the_steps() -> None:
    loop, inside = Box("loop", 10, 10, 100), Box("inside", 30, 80, 60)
    ((right, low), *_, (last, high)) = points(_path(inside, loop))
    assert (right, last) == (90, 110)
    assert 80 < low < 114
    assert 10 < high < 44
    assert max(x for x, _ in points(_path(inside, loop))) > 110


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+),([\d.]+)", path)]


@pytest.mark.parametrize(("source", "steps"), [(linear(2_000), 2_000), (diamonds(300), 1_202)])
def test_large_flows_are_drawn(shell: Shell, source: str, steps: int) -> None:
    (shell.folder / "large.py").write_text(source)
    done = shell.run("large.py", "show", "--html=large.html")
    assert done.code == 0, done.err
    assert (shell.folder / "large.html").read_text().count('class="box ') == steps


def test_the_graph_for_graphviz(flow: Shell) -> None:
    done = flow.run("flow.py", "output-dot")
    assert done.out.startswith('digraph "ShowFlow" {\n"start" [')
    assert '"each" -> "right";\n' in done.out
    assert done.out.endswith("}\n")


def test_the_plan_as_json(flow: Shell) -> None:
    plan = json.loads(flow.run("flow.py", "output-raw").out)
    assert plan["steps"]["done"]["closes"] == "foreach"


def test_check_of_a_good_flow(flow: Shell) -> None:
    done = flow.run("flow.py", "check")
    assert (done.code, done.out, done.err) == (0, "", "Validating your flow...\n    The graph looks good!\n")
    quiet = flow.run("flow.py", "--quiet", "check")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    as_json = flow.run("flow.py", "check", "--format=json", "--target=step-functions", "--target=local")
    assert (as_json.code, json.loads(as_json.out), as_json.err) == (0, [], "")
