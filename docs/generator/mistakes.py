"""What the sources of the course get wrong: docs/course/mistakes.yaml, and the entries of a page."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from generator.blocks import BlockError
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

SOURCES = {"slides": "The slides", "lisa": "LISA"}


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Mistake:
    """A statement of a source that is wrong. Texts are Markdown.

    place  the heading above it
    says   what the source says
    is     what is right
    page   the page of the course that is about it
    see    what shows it: names of experiments, or other places
    """

    source: Literal["slides", "lisa"]
    place: str
    says: str
    right: Annotated[str, Field(alias="is")]
    page: str
    see: list[str] = Field(default_factory=list)


_MISTAKES = TypeAdapter(list[Mistake])


@cache
def _read(path: Path) -> list[Mistake]:
    try:
        return _MISTAKES.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, yaml.YAMLError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        said = str(error) if first is None else f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise BlockError(f"{path.name}: not readable as a list of mistakes ({said})") from error


def of_page(path: Path, page: str) -> str:
    """Return the entries of a page as a list. Raises BlockError if there is none."""
    found = [each for each in _read(path) if each.page == page]
    if not found:
        raise BlockError(f"{path.name} has no entry whose page is '{page}'")
    return "\n".join(_item(each) for each in found)


def _item(mistake: Mistake) -> str:
    see = f" See {', '.join(_named(each) for each in mistake.see)}." if mistake.see else ""
    says, right = (text.strip().rstrip(".") for text in (mistake.says, mistake.right))
    return f"- {SOURCES[mistake.source]}, *{mistake.place}*: {says}. Right is: {right}.{see}"


def _named(what: str) -> str:
    """Return a name as code; words as they are."""
    return what if " " in what or what.startswith(("`", "[")) else f"`{what}`"
