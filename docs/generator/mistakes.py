"""What the sources of the course get wrong, as a page of the course shows it."""

from functools import lru_cache
from pathlib import Path

from generator.blocks import BlockError
from generator.sources import SOURCES, Mistake, RowError, as_markdown, mistakes


def of_page(path: Path, page: str) -> str:
    """Return the entries of a page as a list. Raises BlockError if there is none, or if the file is wrong."""
    try:
        found = [each for each in _read(path, path.stat().st_mtime_ns) if each.page == page]
    except (OSError, RowError) as error:
        raise BlockError(f"{path.name}: not readable as a list of mistakes ({error})") from error
    if not found:
        raise BlockError(f"{path.name} has no entry whose page is '{page}'")
    return "\n".join(_item(each) for each in found)


@lru_cache
def _read(path: Path, _changed_ns: int) -> list[Mistake]:
    """Read the file once for all pages, and again if it has changed."""
    return mistakes(path)


def _item(mistake: Mistake) -> str:
    source = SOURCES[mistake.source]
    says, fact = (text.rstrip(".") for text in (mistake.says, mistake.fact))
    see = ", ".join(map(as_markdown, mistake.see))
    return f"- {source[0].upper()}{source[1:]}, *{mistake.place}*: {says}. Correct: {fact}. See {see}."
