"""The names that `mnistnn` exports: loaded when they are used, and no sooner."""

import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

import mnistnn
import mnistnn.sklearn

ROOT = Path(__file__).parents[2]
DOCUMENTED = [
    "mnistnn.api.comparing",
    "mnistnn.api.finding",
    "mnistnn.api.run",
    "mnistnn.api.training",
    "mnistnn.data.labelled",
    "mnistnn.sklearn.classifier",
]


def python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("name", mnistnn.__all__)
def test_name_is_there_and_listed(name):
    assert getattr(mnistnn, name) is not None
    assert name in dir(mnistnn)


def test_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'mnistnn' has no attribute 'trian'"):
        _ = mnistnn.trian  # type: ignore[attr-defined]


def test_exported_errors_are_those_of_the_commands():
    from mnistnn import errors

    exported = [getattr(mnistnn, name) for name in mnistnn.__all__ if name.endswith("Error")]
    assert exported
    for error in exported:
        assert error is getattr(errors, error.__name__)
        assert issubclass(error, mnistnn.MnistnnError)


@pytest.mark.parametrize("before", ["", "import mnistnn.data.splits; ", "from mnistnn import Run; Run; "])
def test_data_can_be_called_whatever_was_imported_before(before):
    program = f"import mnistnn; {before}print(mnistnn.data.__class__.__call__.__name__, callable(mnistnn.data))"
    assert python(program).stdout == "__call__ True\n"


def test_modules_of_data_are_found_below_the_name_that_can_be_called():
    import mnistnn.data.splits as module

    assert module.read_split is sys.modules["mnistnn.data"].splits.read_split
    assert mnistnn.data is sys.modules["mnistnn.data"]  # type: ignore[comparison-overlap]


def test_missing_scikit_learn_is_said_with_the_way_to_get_it():
    done = python("import sys; sys.modules['sklearn'] = None; import mnistnn; mnistnn.sklearn")
    assert done.stderr.endswith("ResourceError: mnistnn.sklearn needs scikit-learn: pip install 'mnistnn[sklearn]'\n")


def test_everything_can_be_imported_without_scikit_learn():
    done = python("import sys; sys.modules['sklearn'] = None; from mnistnn import *; print(train.__name__)")
    assert (done.stdout, done.stderr) == ("train\n", "")


@pytest.mark.parametrize("module", DOCUMENTED)
def test_examples_in_docstrings_hold(lines, monkeypatch, module):
    found = importlib.import_module(module)
    examples = [each for each in doctest.DocTestFinder().find(found) if each.examples]
    assert examples
    for number, each in enumerate(examples):
        folder = lines.parent / str(number)
        folder.mkdir()
        (folder / "lines.yaml").write_text(lines.read_text())
        monkeypatch.chdir(folder)
        each.globs.update(mnistnn=mnistnn, numpy=numpy)
        failed, _ = doctest.DocTestRunner().run(each)
        assert not failed, each.name
