"""What is wrong with a file of code is one error, with file and line; and nothing is run."""

from pathlib import Path

import pytest

from tests.plugins.conftest import MAXOUT, POLICY, RULE

HEAD = "from typing import Any, ClassVar, Literal\n\nfrom mnistnn.plugins import History, Policy, policy\n\n\n"
BODY = (
    '    type: Literal["mine"] = "mine"\n\n    def reason(self, history: History) -> str | None:\n        return None\n'
)
GOOD = f"{HEAD}@policy\nclass Mine(Policy):\n{BODY}"

# Texts, and what is said of them behind the name of the file.
MISTAKES = {
    "syntax": ("x = 1\nif x\n    pass\n", ":2: expected ':': if x"),
    "raises": ("x = 1\n\ny = 1 / 0\n", ":3: ZeroDivisionError: division by zero"),
    "raises further inside": ("def f():\n    raise ValueError('no\\nline')\n\n\nf()\n", ":2: ValueError: no"),
    "ends the program": ("import sys\n\nsys.exit(3)\n", ":3: ends the program, and it is to be loaded"),
    "lacks a package": ("import no_such_module\n", ":1: ModuleNotFoundError: No module named 'no_such_module'"),
    "imports a part of itself": ("from . import helper\n", ":1: ImportError: attempted relative import"),
    "declares nothing": ("x = 1\n", ": declares no component: none of its classes has @layer"),
    "only imports one": ("from mnistnn.layers.dense import Dense\n", ": declares no component"),
    "byte 0": ("x = 1\0\n", ":1: source code string cannot contain null bytes"),
    "other base": (GOOD.replace("Mine(Policy)", "Mine"), ":7: Mine: a policy extends Policy: class Mine(Policy)"),
    "no type": (
        GOOD.replace('    type: Literal["mine"] = "mine"\n', ""),
        ":7: Mine: a policy has a type, by which an experiment names it: write "
        "'type: Literal[\"mine\"] = \"mine\"' in Mine",
    ),
    "type of two words": (GOOD.replace('Literal["mine"]', 'Literal["mine", "my"]'), ":8: Mine: the type is one word"),
    "type of any text": (GOOD.replace('Literal["mine"]', "str"), ":8: Mine: the type is one word"),
    "odd type": (GOOD.replace('"mine"', '"My type"'), ":8: Mine: the type 'My type' is not allowed"),
    "no annotation": (GOOD + "\n    least = 3\n", ":13: Mine: least has no type: write 'least: int = …' for a key"),
    "mutable default": (
        GOOD + "\n    least: list[int] = [1, 2]\n",
        ":13: Mine: least has a default that can be changed, which all would share: write "
        "Field(default_factory=lambda: [1, 2])",
    ),
    "hidden key": (GOOD + "\n    _least: int = 3\n", ":13: Mine: _least cannot be a key"),
    "key of the contract": (GOOD + "\n    deadline: int = 3\n", ":13: Mine: deadline is what a policy has by its base"),
    "key that is no YAML": (GOOD + "\n    least: Policy = 3\n", ":7: Mine: its fields cannot be keys of an experiment"),
    "type that is not there": (GOOD + '\n    least: "Nowhere" = 3\n', ":7: Mine: the type of a field is not known"),
    "method that is missing": (GOOD.replace("def reason", "def other"), ":7: Mine: a policy needs one of reason, "),
    "layer without backward": (MAXOUT.replace("def backward", "def back"), ":10: Maxout: a layer needs backward"),
    "layer that has a place": (
        MAXOUT.replace("pieces: Count = 2", "after: Count = 2"),
        ":16: Maxout: after is a key that all have already",
    ),
    "rule without update": (RULE.replace("def update", "def move"), ":7: Lion: an optimizer needs update"),
    "own __init__": (
        GOOD + "\n    def __init__(self) -> None:\n        pass\n",
        ":13: Mine: has an __init__, and its arguments are its fields: leave it out",
    ),
    "above a function": (HEAD + "@policy\ndef mine():\n    pass\n", ":1: mine: @policy is written above a class"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_told_with_file_and_line(toy, command, name):
    text, said = MISTAKES[name]
    Path("mine.py").write_text(text)
    done = command("train", toy, "--code", "mine.py")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: mine.py{said}"), done.err
    assert not Path("runs").exists()
    assert command("trust", "--list", "-q").out == ""


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("nowhere.py", None, "nowhere.py: no such file"),
        ("mine.txt", GOOD, "mine.txt: --code takes a file of Python, whose name ends with .py"),
        ("large.py", "#" * (1 << 20) + "\n", "large.py: larger than the 1 MiB that a file of code may have"),
        ("latin.py", GOOD.encode() + b"# \xe9\n", "latin.py: not UTF-8: byte 0xe9"),
        (
            "helped.py",
            "import os\nimport toy\n" + GOOD,
            "helped.py:2: imports toy, which lies beside it and would not be kept in a run",
        ),
    ],
)
def test_file_that_no_run_could_keep_is_refused(toy, command, name, content, said):
    Path("toy.py").touch()
    if content is not None:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    done = command("config", "check", toy, "--code", name)
    assert done.code == 2
    assert said in done.err


def test_type_of_mnistnn_cannot_be_taken(toy, command):
    Path("mine.py").write_text(GOOD.replace('"mine"', '"max_epochs"'))
    done = command("train", toy, "--code", "mine.py")
    assert done.code == 2
    assert "mine.py:7 and mnistnn.stopping.limits of mnistnn both have a policy of type 'max_epochs'" in done.err


def test_two_files_cannot_have_the_same_type(toy, command):
    Path("mine.py").write_text(GOOD)
    Path("yours.py").write_text("\n" + GOOD)
    done = command("train", toy, "--code", "mine.py", "--code", "yours.py")
    assert done.code == 2
    assert "yours.py:8 and mine.py:7 both have a policy of type 'mine': rename one of them" in done.err


def test_two_files_of_one_name_are_refused(toy, command):
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "mine.py").write_text(GOOD.replace('"mine"', f'"{folder}"'))
    done = command("train", toy, "--code", "a/mine.py", "--code", "b/mine.py")
    assert done.code == 2
    assert "two files of different code are called mine.py" in done.err


def test_mistake_in_a_key_is_shown_at_its_place(toy, command):
    Path("every_other.py").write_text(POLICY)
    toy.write_text(toy.read_text() + "  - {type: every_other, evaluatoins: 3}\n")
    done = command("train", toy, "--code", "every_other.py")
    assert done.code == 2
    assert "toy.yaml:14:25: unknown key 'evaluatoins' for stopping.1 of type every_other" in done.err
    assert "did you mean 'evaluations'?" in done.err


def test_misspelt_type_is_suggested(toy, command):
    Path("every_other.py").write_text(POLICY)
    done = command("train", toy, "stopping=[{type: evry_other}]", "--code", "every_other.py")
    assert "did you mean 'every_other'?" in done.err


def test_who_forgets_the_code_is_told_of_it(toy, command):
    done = command("train", toy, "model.layers.hidden={type: quux}")
    assert "a type of your own is in a file that --code names" in done.err
