"""The page of the names that Python programs use, from their docstrings.

It is Markdown of our own and not Sphinx's autodoc: docstrings here are plain text with lists of names, which autodoc
would run together, and the page can be read without building anything.
"""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from generator.markdown import anchor, fence, from_docstring, page

import mnistnn
import mnistnn.sklearn
from mnistnn.data.labelled import labelled_split

_FIRST = ("train", "load", "runs", "compare", "data")


def page_of_python() -> str:
    """Return the page."""
    errors = [name for name in mnistnn.__all__ if name.endswith("Error")]
    known = {*_FIRST, "Run", "__version__", *errors}
    assert set(mnistnn.__all__) == known, f"no place on the page for {set(mnistnn.__all__) - known}"
    return page(
        "# Python",
        "Made of the docstrings by `make docs`; not to be edited.",
        "`import mnistnn` gives these names; `mnistnn.sklearn` and its classifier need scikit-learn. Each does what a "
        "command of mnistnn does. Arrays are NumPy's; their shapes stand in parentheses.",
        "## Functions",
        *(part for name in _FIRST for part in _function(name)),
        *_class("mnistnn.Run", mnistnn.Run),
        *_class("mnistnn.sklearn.Classifier", mnistnn.sklearn.Classifier),
        "## Errors",
        "\n".join(f"- `mnistnn.{name}`: {_first_line(getattr(mnistnn, name))}" for name in errors),
    )


def _function(name: str) -> Iterator[str]:
    found = labelled_split if name == "data" else getattr(mnistnn, name)  # `data` is a package that can be called
    yield f"{anchor(f'python-{name}')}\n### mnistnn.{name}"
    yield from _signature(f"mnistnn.{name}", found)
    yield from_docstring(inspect.getdoc(found) or "")


def _class(name: str, found: type) -> Iterator[str]:
    yield f"{anchor('python-' + name.rpartition('.')[2].lower())}\n## {name}"
    yield from _signature(name, found)
    yield from_docstring(inspect.cleandoc(found.__doc__ or ""))
    for member, value in vars(found).items():
        if member.startswith("_") or not getattr(value, "__doc__", None):
            continue
        if isinstance(value, property):
            yield f"### {found.__name__}.{member}"
            yield fence(f"{member}: {_shown_type(inspect.signature(value.fget).return_annotation)}")  # type: ignore[arg-type]
            yield from_docstring(inspect.getdoc(value) or "")
        elif inspect.isfunction(value):
            yield f"### {found.__name__}.{member}()"
            yield from _signature(member, value)
            yield from_docstring(inspect.getdoc(value) or "")


def _signature(name: str, found: Any) -> Iterator[str]:
    """Yield how something is called, on a line for each parameter where one line is too long."""
    signature = inspect.signature(found)
    parameters = [each for each in signature.parameters.values() if each.name != "self"]
    shown, stars = [], False
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and not stars and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
            shown.append("*")
            stars = True
        shown.append(_shown_type(each))
    back = (
        ""
        if signature.return_annotation in (signature.empty, None)
        else f" -> {_shown_type(signature.return_annotation)}"
    )
    line = f"{name}({', '.join(shown)}){back}"
    yield fence(line if len(line) <= 100 else "{}(\n    {},\n){}".format(name, ",\n    ".join(shown), back))


def _shown_type(value: Any) -> str:
    """Return an annotation, or a parameter with its own, without the names of modules."""
    text = str(value) if isinstance(value, inspect.Parameter) else inspect.formatannotation(value).strip("'")
    text = re.sub(r"\b(?:\w+\.)+(?=[A-Za-z_]\w*)", "", text)
    return re.sub(r"ndarray\[tuple\[Any, \.\.\.\], dtype\[(\w+)\]\]", r"NDArray[\1]", text)


def _first_line(found: type) -> str:
    return " ".join((inspect.getdoc(found) or "").split("\n\n")[0].split())
