"""Programs that fail: the line is named, and no program holds up the check."""

import numpy as np
import pytest

from mnistnn.course.finding import WrongAnswerError
from mnistnn.course.student_program import ask


def asked(tmp_path, text, *arguments, limit_s=20.0):
    path = tmp_path / "mine.py"
    path.write_text(text)
    return ask(path, [("f", arguments)], limit_s)[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(x):\n    return 1 / 0\n", "f fails: mine.py, line 2: ZeroDivisionError: division by zero"),
        ("def f(x:\n", "mine.py, line 1: no Python"),
        ("import nowhere_at_all\n", "mine.py, line 1: ModuleNotFoundError"),
        ("def g(x):\n    return x\n", "mine.py has no function f"),
        ("def f(x):\n    pass\n", "f returns None: it is not written yet"),
        ("def f(x):\n    return object()\n", "f returns a value of type object"),
        ("def f(x):\n    return 'text'\n", "f returns 'text'; expected an array of shape (2,)"),
        ("def f(x):\n    raise SystemExit(3)\n", "f fails: mine.py, line 2: SystemExit"),
    ],
)
def test_program_that_fails_is_told_where(in_this_process, tmp_path, text, said):
    with pytest.raises(WrongAnswerError) as caught:
        asked(tmp_path, text, np.zeros(2)).array((2,))
    assert said in str(caught.value)


def test_program_that_ends_the_process_is_told_so(tmp_path):
    with pytest.raises(WrongAnswerError, match=r"mine\.py ended the process with code 7"):
        asked(tmp_path, "import os\ndef f():\n    os._exit(7)\n")


def test_program_that_does_not_end_is_ended(tmp_path):
    with pytest.raises(WrongAnswerError, match=r"did not end within 1 s. Is there a loop without end\?"):
        asked(tmp_path, "def f():\n    while True:\n        pass\n", limit_s=1)


def test_program_may_print_and_gets_what_it_was_given(tmp_path):
    text = (
        "print('loud')\ndef f(x, n, names):\n    print(n)\n    return {'x': 2 * x, 'n': n + 1, 'names': names['a']}\n"
    )
    value = asked(tmp_path, text, np.array([[1.5, np.nan]]), 3, {"a": True}).value
    np.testing.assert_array_equal(value["x"], [[3, np.nan]])
    assert (value["n"], value["names"]) == (4, True)
