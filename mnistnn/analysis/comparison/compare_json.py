"""A comparison as JSON has it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mnistnn.analysis.comparison.compare import Comparison
from mnistnn.analysis.comparison.run_groups import Unreadable
from mnistnn.analysis.statistics import McNemar, SignFlip
from mnistnn.config.diff import ABSENT

SCHEMA_VERSION = 1


def as_json(found: Comparison, unreadable: Sequence[Unreadable]) -> dict[str, Any]:
    """Return everything for JSON; a key's values are by letter, without the experiments that lack the key."""
    letters = [each.letter for each in found.experiments]
    differing = [
        {"key": key, "values": {a: value for a, value in zip(letters, values, strict=True) if value is not ABSENT}}
        for key, values in found.differing
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        **asdict(found),
        "differing": differing,
        "pairs": [asdict(each) | {"test": _test_as_json(each.test)} for each in found.pairs],
        "unreadable": [asdict(each) for each in unreadable],
    }


def warnings_of(found: Comparison, unreadable: Sequence[Unreadable]) -> list[str]:
    """Return what to be careful about, in a line each."""
    return [f"not compared: {each.problem}" for each in unreadable] + found.notes


def _test_as_json(test: SignFlip | McNemar | None) -> dict[str, Any] | None:
    return None if test is None else {"type": "sign_flip" if isinstance(test, SignFlip) else "mcnemar"} | asdict(test)
