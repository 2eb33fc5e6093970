"""The machinery behind the pages: a page with every kind of fence passes, and a mistake of each kind is found."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("sybil", reason="pages are read by sybil")

from tests.docs.fences import Command, Fence, commands, fences
from tests.docs.page_run import PageRun
from tests.docs.summary import pytest_terminal_summary

TRIED = Path(__file__).parent / "pages" / "tried.md"

pytestmark = pytest.mark.usefixtures("real_mnist")

Failures = Callable[[str], list[str]]


@pytest.fixture
def failures(tmp_path) -> Failures:
    """Run a page of this text, and return what fails."""

    def run(text: str) -> list[str]:
        page = tmp_path / "page.md"
        page.write_text(text)
        return PageRun(page, tmp_path).run().failures

    return run


def test_page_with_every_kind_of_fence_passes_and_is_counted(tmp_path):
    done = PageRun(TRIED, tmp_path).run()
    assert done.failures == []
    assert done.counts == {"experiments": 4, "commands": 5, "Python": 2, "slow, left out": 1, "not run": 1}


MISTAKES = [
    ("{type: adam, learning_rate", "{type: adam, learning_rat", 15, "unknown key 'learning_rat'"),
    ("momentun: 0.9}", "clip_norm: 0.9}", 25, "no mistake was found"),
    ("[exit 2]", "[exit 0]", 31, "ended with 2, and not with 0"),
    ("finished 1 1 28 %", "finished 1 1 38 %", 31, "expected: 2026"),
    ("sum() == 1.5", "sum() == 1.6", 50, "line 54: AssertionError"),
    ("float64(0.5)", "float64(0.9)", 57, "np.float64(0.9)"),
    ("<!-- not run: there is no such program -->\n", "", 76, "ended with 127, and not with 0"),
]
"""What stands on the page, a mistake in its place, the line of the fence, and words of the failure."""


def test_mistakes_in_a_copy_of_the_page_are_found(failures):
    text = TRIED.read_text()
    for before, after, _, _ in MISTAKES:
        assert text.count(before) == 1
        text = text.replace(before, after)
    found = failures(text)
    assert len(found) == len(MISTAKES), "\n".join(found)
    for failure, (_, _, line, words) in zip(found, MISTAKES, strict=True):
        assert failure.startswith(f"page.md, line {line}: ")
        assert words in failure


def test_slow_fence_runs_when_asked_for(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- slow -->\n```python\nassert False\n```\n")
    assert PageRun(page, tmp_path).run().failures == []
    (tmp_path / "again").mkdir()
    assert "AssertionError" in PageRun(page, tmp_path / "again", slow=True).run().failures[0]


def test_what_a_page_does_to_data_and_variables_stays_in_its_folder(failures, tmp_path):
    text = "```console\n$ echo $MNISTNN_DATA; pwd; echo $COLUMNS\n{}/cache\n{}/here\n120\n```\n".replace(
        "{}", str(tmp_path)
    )
    assert failures(text) == []
    assert not Path("here").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("```\nplain\n```", "a fence without a language"),
        ("```ruby\nputs\n```", "the language 'ruby' is not known here"),
        ("```{eval-rst}\nx\n```", "the language '{eval-rst}' is not known here"),
        ("<!-- slwo -->\n```python\nx = 1\n```", "the comment 'slwo' is not known here"),
        ("<!-- not run: -->\n```python\nx = 1\n```", "the comment 'not run' says nothing"),
        ("<!-- not run -->\n```python\nx = 1\n```", "the comment 'not run' says nothing"),
        ("<!-- slow: a minute -->\n```python\nx = 1\n```", "the comment 'slow' says nothing more"),
        ("<!-- over: mlp -->\n```python\nx = 1\n```", "the comment 'over' is not for a fence of python"),
        ("<!-- file: a.txt -->\n```console\n$ true\n```", "the comment 'file' is not for a fence of console"),
        ("```console\nno prompt\n```", "a fence of console begins with a line `$ COMMAND`"),
    ],
)
def test_fence_that_no_page_may_have_is_refused(failures, text, words):
    (found,) = failures(f"{text}\n")
    assert words in found


def test_fence_in_a_list_is_found_without_its_indentation(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("1. First\n\n   <!-- slow -->\n   ```python\n   x = 1\n   ```\n")
    assert fences(page) == [Fence("python", "x = 1\n", 4, {"slow": ""})]


def test_commands_are_told_from_what_they_print():
    text = "$ a \\\n  b\n$ c\nout\n\n$5\n[exit 3]\n$ d\n[exit 1]\n"
    assert commands(Fence("console", text, 1)) == [
        Command("a \\\n  b", None, 0),
        Command("c", "out\n\n$5", 3),
        Command("d", None, 1),
    ]


def test_summary_adds_up_what_the_pages_counted():
    lines: list[str] = []
    reports = [
        SimpleNamespace(when="call", user_properties=[("fences", {"commands": 2, "not run": 1})]),
        SimpleNamespace(when="call", user_properties=[("fences", {"commands": 3})]),
        SimpleNamespace(when="teardown", user_properties=[("fences", {"commands": 3})]),
        SimpleNamespace(when="call", user_properties=[]),
    ]
    pytest_terminal_summary(
        SimpleNamespace(getreports=lambda outcome: reports if outcome == "passed" else [], line=lines.append)
    )
    assert lines == ["fences of the documentation: 5 commands, 1 not run"]
