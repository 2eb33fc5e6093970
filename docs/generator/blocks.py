"""Blocks of a page that the generator writes: `<!-- made: KIND ARGUMENTS -->` to `<!-- made: end -->`."""

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mnistnn.errors import did_you_mean

_BLOCK = re.compile(r"^<!-- made: (?P<words>.*?) -->\n(?P<inside>.*?)(?P<end>^<!-- made: end -->$)", re.DOTALL | re.M)
_LINE = re.compile(r"^[ \t]*<!--[ \t]*made\b:?(?P<words>.*?)(?:-->[ \t]*)?$", re.M)
_END = "end"


class BlockError(Exception):
    """What is wrong with a block: what it says, or what it asks for."""


@dataclass(frozen=True)
class Block:
    """What a block is to hold: a kind, and its arguments."""

    kind: str
    arguments: tuple[str, ...]


Fill = Callable[[Block], str]


def filled(text: str, name: str, fill: Fill) -> tuple[str, list[str]]:
    """Return the text of a page with what `fill` makes of each block inside of it, and the mistakes.

    A block that cannot be filled, which `fill` says by a BlockError, stays as it is. A mistake names page and line.
    """
    mistakes = _unpaired(text, name)
    if mistakes:
        return text, mistakes

    def replaced(found: re.Match[str]) -> str:
        line = text.count("\n", 0, found.start()) + 1
        try:
            made = fill(_block(found["words"]))
        except BlockError as error:
            mistakes.append(f"{name}:{line}: {error}")
            return found[0]
        return f"<!-- made: {found['words']} -->\n\n{made.strip()}\n\n{found['end']}"

    return _BLOCK.sub(replaced, text), mistakes


def known(name: str, names: Sequence[str], what: str) -> None:
    """Raise BlockError, with the nearest name, for a name that is not among those there are."""
    if name not in names:
        raise BlockError(f"there is no {what} '{name}'{did_you_mean(name, names, before='; ')}")


def _block(words: str) -> Block:
    try:
        kind, *arguments = shlex.split(words)
    except ValueError as error:
        raise BlockError(f"not a block: {words} ({error})") from error
    return Block(kind, tuple(arguments))


def _unpaired(text: str, name: str) -> list[str]:
    """Return what is wrong with the lines that begin and end blocks."""
    mistakes, is_open = [], False
    for found in _LINE.finditer(text):
        line = text.count("\n", 0, found.start("words")) + 1
        words = found["words"].strip()
        if not words:
            mistakes.append(f"{name}:{line}: a block that says nothing: <!-- made: KIND ARGUMENTS -->")
        elif (words == _END) != is_open:
            mistakes.append(f"{name}:{line}: " + ("no block is open here" if words == _END else "a block is open here"))
        elif found[0] != f"<!-- made: {words} -->":
            mistakes.append(f"{name}:{line}: a line of a block is written <!-- made: {words} -->")
        is_open = words != _END
    if is_open:
        mistakes.append(f"{name}: its last block does not end: <!-- made: end -->")
    return mistakes
