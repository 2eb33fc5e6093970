"""What the check of an answer says: a sentence for each thing that is right or wrong."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """One thing that was asked of an answer: whether it holds, and a sentence about it."""

    holds: bool
    said: str


class WrongAnswerError(Exception):
    """What is wrong with an answer, where nothing more can be asked of it: the last finding of a check."""


Check = Callable[[Path], Iterator[Finding]]
"""Yields what is found in a folder with an answer. It may raise WrongAnswerError instead of going on."""


def judged(holds: bool, right: str, wrong: str) -> Finding:
    """Return the finding with one of two sentences."""
    return Finding(holds, right if holds else wrong)
