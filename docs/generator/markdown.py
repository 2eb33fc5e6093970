"""Markdown, as MyST reads it, of texts that were not written as Markdown: docstrings and help texts."""

import re
from collections.abc import Iterable, Sequence
from inspect import cleandoc
from textwrap import dedent

_CODE = re.compile(r"(`[^`]*`)")
_TERM = re.compile(r"(\S+)  +(\S.*)")
_EXAMPLE = "<!-- not run: the tests of mnistnn run the examples of its docstrings -->"


def anchor(name: str) -> str:
    """Return the line above a heading by which links find it."""
    return f"({name})="


def escaped(text: str) -> str:
    """Return text on one line, in which nothing but pairs of backticks means anything to Markdown."""
    parts = _CODE.split(" ".join(text.split()))
    return "".join(part if part.startswith("`") and len(part) > 1 else _escaped(part) for part in parts)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [headings, ["---"] * len(headings), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fence(text: str, language: str = "text") -> str:
    """Return a fence."""
    return f"```{language}\n{text.rstrip()}\n```"


def from_docstring(text: str) -> str:
    """Return a docstring as Markdown: its paragraphs, lists of names with their meanings, tables, and examples."""
    return "\n\n".join(_paragraph(part) for part in re.split(r"\n\s*\n", cleandoc(text).strip()))


def page(*parts: str) -> str:
    """Return the text of a page."""
    return "\n\n".join(part for part in parts if part) + "\n"


def _escaped(text: str) -> str:
    text = re.sub(r"([\\*$])", r"\\\1", text)
    text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)  # within a word it means nothing
    text = re.sub(r"<(?=[A-Za-z/!])", r"\\<", text)
    text = text.replace("](", "]\\(")
    return re.sub(r"^([-+#>])(?=\s)", r"\\\1", text)


def _paragraph(text: str) -> str:
    lines = text.splitlines()
    if lines[0].startswith(">>> "):
        return f"{_EXAMPLE}\n{fence(text, 'python')}"
    if lines[0].startswith("    "):
        return fence(dedent(text))
    if lines[0].startswith("|"):
        return text
    items = _items(lines)
    return "\n".join(items) if items else escaped(text)


def _items(lines: list[str]) -> list[str]:
    """Return lines that begin with a dash, or with a name and two spaces, as items of a list; none for other lines."""
    found: list[str] = []
    for line in lines:
        term = _TERM.fullmatch(line)
        if line.startswith("- "):
            found.append(line[2:])
        elif term:
            found.append(f"`{term[1]}`: {term[2]}")
        elif found and line.startswith(" "):
            found[-1] += f" {line.strip()}"
        else:
            return []
    return [f"- {escaped(item)}" for item in found]
