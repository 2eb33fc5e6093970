"""The order in which a command may change the disk, checked on the list of its calls.

Each file is written under a temporary name, forced, closed, renamed, and its folder forced; the rows that a checkpoint
names are on the disk before it, and older checkpoints go only after that.
"""

import re
from collections.abc import Sequence

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{12}\.tmp")
_GROWING = ("metrics.jsonl", "timing.jsonl", "log.txt", "test-readings.jsonl")


def check_order(calls: Sequence[str]) -> list[str]:
    """Return the names of the files that were written atomically, in order; raise AssertionError at a wrong call."""
    steps = [tuple(call.rsplit(" ", 1)) for call in calls]
    written = []
    for at, (step, name) in enumerate(steps):
        temporary = _TEMPORARY.fullmatch(name)
        if step in ("write", "open"):
            assert temporary or name in _GROWING or name.endswith("lock"), f"{step} of {name} in its place"
        if step == "replace" and name != "latest":
            _check_file(steps, at)
            written.append(name)
        if step == "unlink" and name.startswith("step-"):
            _check_pruning(steps, at)
        if step == "rename":
            assert ("fsync folder", "datasets") in steps[at:], f"the folder of {name} is not forced"
    return written


def _check_file(steps: Sequence[tuple[str, ...]], at: int) -> None:
    """Check what comes before and after the renaming of a file."""
    name = steps[at][1]
    before = [step for step in steps[:at] if (found := _TEMPORARY.fullmatch(step[1])) and found["name"] == name]
    begin = max(number for number, step in enumerate(before) if step[0] == "open")
    kinds = [step for step, _ in before[begin:]]
    assert kinds[0] == "open", kinds
    assert kinds[-2:] == ["fsync", "close"], f"{name}: {', '.join(kinds)}, replace"
    assert set(kinds[1:-2]) == {"write"}, f"{name}: {', '.join(kinds)}, replace"
    folder = steps[at + 2][1]
    after = [("open folder", folder), ("fsync folder", folder)]
    assert list(steps[at + 1 : at + 3]) == after, f"{name}: its folder is not forced at once"
    if name.startswith("step-"):
        rows = [step for step, file in steps[:at] if file == "metrics.jsonl" and step in ("write", "fsync")]
        assert rows[-1:] == ["fsync"], f"{name}: rows were not forced before it"


def _check_pruning(steps: Sequence[tuple[str, ...]], at: int) -> None:
    """Check that a checkpoint goes after a newer one was forced to the disk, name and all."""
    name = steps[at][1]
    newer = [number for number, step in enumerate(steps[:at]) if step[0] == "replace" and name < step[1] < "step-~"]
    assert newer, f"{name} is removed before there is a newer one"
    assert ("fsync folder", "checkpoints") in steps[newer[0] : at], f"{name} is removed before the newer one is safe"
