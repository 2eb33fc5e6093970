"""What is printed, compared with what a page says."""

import pytest

from tests.docs.agreement import disagreement, line_agrees

AGREEING = [
    ("ok  small.yaml", "ok small.yaml"),
    ("wrote … (12 kB)", "wrote runs/report.html (1,204 kB)"),
    ("about 46 s for up to 20 epochs, 2 s each", "about 7.5 s for up to 20 epochs, 0.4 s each"),
    ("11,881 examples/s  best", "903 examples/s best"),
    ("done in 3 min", "done in 12 min"),
    ("error 1.66 %", "error 1.81 %"),
    ("97% of the time", "91% of the time"),
    ("(166 of 10,000; best)", "(158 of 10,000; best)"),
    ("loss 0.0038", "loss 0.0040"),  # 2 of the last digit
    ("rate 1e-3", "rate 0.00105"),
    ("difference -0.58", "difference −0.61"),
    ("397,510 parameters", "397510 parameters"),
    ("runs/mlp/20261130-044824-f204", "runs/mlp/20270101-000000-0a1b"),
    ("started 2026-11-30 04:48", "started 2027-01-02 15:59"),
    ("<Run at 0x7f12aabbccdd>", "<Run at 0x55aa00112233>"),
    ("conv1.W 3.11.7", "conv1.W 3.11.7"),
]
DISAGREEING = [
    ("ok small.yaml", "ok small.yaml, and more"),
    ("error 1.66 %", "error 1.90 %"),
    ("loss 0.5", "loss 0.71"),
    ("difference -0.58", "difference 0.58"),
    ("397,510 parameters", "397,511 parameters"),
    ("epoch 3", "epoch 4"),
    ("conv1.W", "conv2.W"),
    ("version 3.11.7", "version 3.11.8"),
    ("mine.yaml:6:51: expected", "mine.yaml:6:52: expected"),
    ("run 20261130-044824-f204", "run best"),
    ("2 thread(s)", "1 thread(s)"),
    ("5 is 101.5", "5 is nan"),
]


@pytest.mark.parametrize(("expected", "found"), AGREEING)
def test_lines_agree(expected, found):
    assert line_agrees(" ".join(expected.split()), found)


@pytest.mark.parametrize(("expected", "found"), DISAGREEING)
def test_lines_do_not_agree(expected, found):
    assert not line_agrees(expected, found)


@pytest.mark.parametrize(
    "expected",
    [
        "a\nb\nc\nd",
        "a\n\n  b\nc\nd\n",
        "…",
        "a\n…",
        "…\nd",
        "a\n…\nd",
        "…\nb\n…\nd",
        "…\na\n…\nb\nc\nd\n…",
        "a\n…\n…\nd",
    ],
)
def test_ellipsis_stands_for_any_lines(expected):
    assert disagreement(expected, "a\nb\nc\nd\n") is None


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        ("a\nb\nc", "said nothing of the line: d"),
        ("a\nx\nc\nd", "expected: x\nbut found: b"),
        ("a\nb\nc\nd\ne", "expected: e\nbut found: nothing more"),
        ("", "said nothing of the line: a"),
        ("…\nc", "not there, or not at its place: c"),
        ("…\nc\n…\nb\n…", "not there, or not at its place: b"),
        ("b\n…", "expected: b\nbut found: a"),
        ("a\nb\nc\nd\n…\nd", "not there, or not at its place: d"),
    ],
)
def test_difference_is_named(expected, words):
    assert disagreement(expected, "a\nb\nc\nd\n") == words
