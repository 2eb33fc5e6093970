"""The process that runs a student's program: it executes the file, calls functions of it, and writes what they return.

It is a process of its own, so that a program may take too long, end the process or change anything in it. What to do
comes as JSON on stdin; what came of it goes into the file that this names.
"""

import json
import sys
import traceback
from pathlib import Path
from typing import Any

from mnistnn.course.values_in_json import decode, encode


def main() -> None:
    """Do what stdin says."""
    request = json.load(sys.stdin)
    done = _called(Path(request["file"]), request["calls"])
    Path(request["result"]).write_text(json.dumps(done), encoding="utf-8")


def _called(path: Path, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return for each call {"value": …} or {"problem": …}. What keeps the file from being executed is that of all."""
    names: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    try:
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        sys.path.insert(0, str(path.parent))
        exec(code, names)  # noqa: S102 # it is the student's own, and what the process is for
    except SyntaxError as error:
        problem = f"{path.name}, line {error.lineno or 1}: no Python: {error.msg}."
        return [{"problem": problem}] * len(calls)
    except BaseException as error:
        return [{"problem": _problem(path, error)}] * len(calls)
    return [_outcome(path, names, call) for call in calls]


def _outcome(path: Path, names: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    name = call["function"]
    if not callable(names.get(name)):
        return {"problem": f"{path.name} has no function {name}. It had one: put it back."}
    try:
        returned = names[name](*decode(call["arguments"]))
    except BaseException as error:
        return {"problem": f"{name} fails: {_problem(path, error)}"}
    try:
        return {"value": encode(returned)}
    except TypeError as error:
        return {"problem": f"{name} {error}."}


def _problem(path: Path, error: BaseException) -> str:
    """Name the last line of the student's file that the error passed, and what it says."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    said = (str(error).strip().splitlines() or ["no message"])[0]
    return f"{path.name}, line {lines[-1] if lines else 1}: {type(error).__name__}: {said}"


if __name__ == "__main__":
    main()
