"""A page's fences, run one after the other in a folder of their own. What each kind of fence promises: `fences.py`."""

import doctest
import os
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mnistnn.config.examples import example_path, examples_folder
from mnistnn.config.load import load_experiment
from mnistnn.data.datasets.cache import set_folder
from mnistnn.errors import MnistnnError
from mnistnn.experiment.plan import Plan
from tests.docs.agreement import disagreement
from tests.docs.fences import RUN, Command, Fence, commands, fences

ROOT = Path(__file__).parents[2]
_BASE = "mlp"
_LONGEST_S = 1800.0
_KINDS = {"console": "commands", "yaml": "experiments", "python": "Python"}


class PageRun:
    """The run of a page. `failures` says what was not as it is written; `counts`, how many fences of each kind ran.

    slow  whether fences that are called slow are run
    """

    def __init__(self, page: Path, folder: Path, slow: bool = False) -> None:
        self.failures, self.counts = list[str](), Counter[str]()
        self._page, self._slow = page, slow
        self._here, self._tools = folder / "here", folder / "tools"
        self._here.mkdir()
        (self._here / "experiments").symlink_to(examples_folder(), target_is_directory=True)
        self._names: dict[str, Any] = {"__name__": "__page__"}
        self._environment = _environment(folder)

    def run(self) -> "PageRun":
        """Run all fences, also after one that fails."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._environment.items():
                patch.setenv(name, value)
            patch.chdir(self._here)
            for fence in fences(self._page):
                failures = [*fence.mistakes] or list(self._failures_of(fence))
                self.failures += [f"{self._page.name}, line {fence.line}: {failure}" for failure in failures]
        return self

    def _failures_of(self, fence: Fence) -> Iterator[str]:
        if (reason := fence.notes.get("not run")) is not None:
            assert reason
            self.counts["not run"] += 1
        if "file" in fence.notes:
            Path(fence.notes["file"]).write_text(fence.text, encoding="utf-8")
        if fence.language not in RUN or reason is not None:
            return
        if "slow" in fence.notes and not self._slow:
            self.counts["slow, left out"] += 1
        elif fence.language == "console":
            for command in commands(fence):
                self.counts["commands"] += 1
                yield from _failures_of_command(command)
        elif fence.language == "yaml":
            self.counts["experiments"] += 1
            yield from _failures_of_experiment(fence)
        elif "file" not in fence.notes:
            self.counts["Python"] += 1
            yield from self._failures_of_python(fence)

    def _failures_of_python(self, fence: Fence) -> Iterator[str]:
        if ">>>" in fence.text:
            test = doctest.DocTestParser().get_doctest(fence.text, {}, self._page.name, str(self._page), fence.line)
            test.globs = self._names  # get_doctest would take a copy
            said: list[str] = []
            doctest.DocTestRunner(_Checker(), verbose=False).run(test, out=said.append, clear_globs=False)
            if said:
                yield "".join(said)
            return
        try:
            # So that a traceback has the lines of the page.
            exec(compile("\n" * fence.line + fence.text, str(self._page), "exec"), self._names)
        except (Exception, SystemExit) as error:
            at = [
                frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(self._page)
            ]
            yield f"line {at[-1] if at else fence.line}: {type(error).__name__}: {error}"


class _Checker(doctest.OutputChecker):
    """Compares what a prompt prints by the rules of commands."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return disagreement(want, got) is None


def _failures_of_command(command: Command) -> Iterator[str]:
    done = subprocess.run(
        ["/bin/sh", "-c", command.line],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=_LONGEST_S,
    )
    differs = None if command.output is None else disagreement(command.output, done.stdout)
    if done.returncode != command.exit_code:
        differs = f"ended with {done.returncode}, and not with {command.exit_code}"
    if differs is not None:
        yield f"$ {command.line}\n{differs}\nall that was printed:\n{done.stdout}"


def _failures_of_experiment(fence: Fence) -> Iterator[str]:
    name = fence.notes.get("file", f"line-{fence.line}.yaml")
    text = fence.text
    if "over" in fence.notes or not _is_whole(text):
        name = f"line-{fence.line}.yaml"
        base = fence.notes.get("over", _BASE)
        text = f"extends: {example_path(base) or base}\n{text}"
    Path(name).write_text(text, encoding="utf-8")
    try:
        Plan(load_experiment(Path(name)))
    except MnistnnError as error:
        if fence.notes.get("wrong", "\0") not in str(error):
            yield str(error)
    else:
        if "wrong" in fence.notes:
            yield f"no mistake was found, and there should be one with the words: {fence.notes['wrong']}"
    if name != fence.notes.get("file"):
        Path(name).unlink()


def _is_whole(text: str) -> bool:
    """Whether an experiment says enough to be checked as it stands; so does what is no YAML, to be refused for that."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return True
    return not isinstance(content, dict) or "model" in content or "extends" in content


def _environment(folder: Path) -> dict[str, str]:
    """Return the variables of a page's processes, and make what they lead to: programs, and a cache with MNIST."""
    tools, sets = folder / "tools", folder / "cache" / "datasets"
    tools.mkdir()
    for name, arguments in (("mnistnn", " -m mnistnn"), ("python", "")):
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n')
        (tools / name).chmod(0o755)
    sets.mkdir(parents=True)
    (sets / "mnist").symlink_to(set_folder("mnist"), target_is_directory=True)
    return {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        "PYTHONUNBUFFERED": "1",  # so that stdout and stderr come in the order in which a terminal shows them
        "MNISTNN_DATA": str(folder / "cache"),
        "MNISTNN_TRUST": str(folder / "trusted.json"),
        "MNISTNN_COURSE": str(folder / "course.json"),
        "MPLBACKEND": "Agg",
        "OPENBLAS_NUM_THREADS": "1",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "COLUMNS": "120",
        "LC_ALL": "C.UTF-8",
    }
