"""Error messages for a configuration: place, line, caret, suggestion, what is valid; all in one go.

Nothing that a file contains reaches the terminal raw: control characters are written as escapes, long lines
are cut to the part around the caret.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mnistnn.config.source import Place
from mnistnn.errors import ConfigError

_MOST_SHOWN = 20
_MOST_COLUMNS = 100
_MOST_CARETS = 40
_ODD_SPACES = {
    "\u00a0": "no-break space",
    "\u2007": "figure space",
    "\u202f": "narrow no-break space",
    "\u3000": "wide space",
    "\u200b": "zero-width space",
    "\ufeff": "byte order mark",
}
_LEAD = 40  # characters kept before the caret when a long line is cut


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: `what` is wrong at `place`.

    `got` is the value as written (left out where the whole argument is shown anyway), `hint` a way out,
    `valid` what would be accepted, `also` a second place worth seeing with a label for it.
    """

    place: Place
    what: str
    got: str = ""
    hint: str = ""
    valid: str = ""
    also: tuple[Place, str] | None = None


class ProblemError(Exception):
    """A mistake after which a text cannot be read any further."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


def config_error(problems: Sequence[Problem], key: str | None = None) -> ConfigError:
    """Return the one error that shows all problems, in the order of their places, each once."""
    return ConfigError(render(problems), key, len(_each_once(problems)))


def render(problems: Sequence[Problem]) -> str:
    """Return the text for all problems, ending with the line that says that nothing was run."""
    unique = _each_once(problems)
    files = list({id(p.place.source): None for p in unique})
    unique.sort(
        key=lambda p: (
            p.place.source.override is not None,
            files.index(id(p.place.source)),
            p.place.line,
            p.place.column,
        )
    )
    blocks = [_block(problem) for problem in unique[:_MOST_SHOWN]]
    if len(unique) > _MOST_SHOWN:
        blocks.append(f"… and {len(unique) - _MOST_SHOWN} more")
    count = "1 error" if len(unique) == 1 else f"{len(unique)} errors"
    return "\n".join([*blocks, f"{count}, nothing was run."])


def _each_once(problems: Iterable[Problem]) -> list[Problem]:
    return list({(id(p.place.source), p.place.line, p.place.column, p.what): p for p in problems}.values())


def _block(problem: Problem) -> str:
    place, source = problem.place, problem.place.source
    advice = "      ".join(
        part for part in (safe(problem.hint), problem.valid and f"valid: {safe(problem.valid)}") if part
    )
    what = safe(problem.what)
    if source.override is not None:
        note = f" (in the place of the value at {safe(str(place.replaced))})" if place.replaced else ""
        head = f"error: {source.name}: {safe(shorten(source.override))}: {what}{note}"
        return f"{head}\n      {advice}" if advice else head
    if problem.got:
        what = f"{what}, got {safe(problem.got)}"
    if place.line == 0:
        blocks = [f"error: {safe(source.name)}: {what}", *([f"      {advice}"] if advice else [])]
    else:
        head = f"error: {safe(source.name)}:{place.line}:{place.column}: {what}"
        blocks = [head, _snippet(place, advice), *_odd_spaces(source.line(place.line))]
    if problem.also:
        blocks.append(_snippet(*problem.also))
    return "\n".join(blocks)


def _odd_spaces(line: str) -> list[str]:
    """Say where a line has a character that looks like a space, or like nothing, and is none."""
    found = next(((column, name) for column, c in enumerate(line, start=1) if (name := _ODD_SPACES.get(c))), None)
    if found is None:
        return []
    column, name = found
    return [f"      column {column} has a {name} (U+{ord(line[column - 1]):04X}), which is no space: write a plain one"]


def _snippet(place: Place, label: str) -> str:
    """Return the source line, cut to the part around the place, and a caret line that ends with `label`."""
    line = place.source.line(place.line)
    start = place.column - 1
    cut = max(0, start - _LEAD) if len(line) > _MOST_COLUMNS else 0
    shown = line[cut : cut + _MOST_COLUMNS]
    before, after = "…" if cut else "", "…" if cut + _MOST_COLUMNS < len(line) else ""
    # One character for one, so that the caret stays under its place.
    shown = before + "".join(c if c.isprintable() else " " if c == "\t" else "\ufffd" for c in shown) + after
    column = start - cut + len(before)
    carets = "^" * max(1, min(place.width, len(shown) - column, _MOST_CARETS))
    caret_line = f"      | {' ' * column}{carets} {label}".rstrip()
    return f"{place.line:5} | {shown}".rstrip() + "\n" + caret_line


def safe(text: str) -> str:
    """Write every character that a terminal would not simply show as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shorten(text: str, most: int = 60) -> str:
    """Cut a long text and mark the cut."""
    return text if len(text) <= most else text[: most - 1] + "…"
