"""The folder of a sweep: what is to be tried, fixed before it is begun, and what became of it.

    study.json           what was asked for, and every trial: its point, its seed, the digest of its configuration
    base.yaml            the experiment that points change, if they are suggested one after the other, and
    asked.jsonl          those that were suggested so far, with their trials (suggested.py)
    code/                the files of code that it was given, if there are any
    configs/ID.yaml      the resolved configuration of each trial
    trials/ID/           the run directory of each trial, made when it begins
    attempts/ID.jsonl    when a trial was begun and how that ended, line by line
    failed/ID-N/         the run directories of failed trials that were tried again
    chosen.json          which point validation chose, once the test split was read for it

Whether a trial is done is asked of its run directory, so killing anything at any time leaves nothing to repair.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from mnistnn.config.dump import resolved_yaml
from mnistnn.config.load import LoadedExperiment, experiment_validator, load_resolved
from mnistnn.config.validate import type_first
from mnistnn.errors import LackingCodeError, ResourceError, RunError, UsageError
from mnistnn.plugins.code import NO_PLUGINS, Place, Plugins
from mnistnn.run import lock
from mnistnn.run.code import keep_code, read_kept_code
from mnistnn.run.config import digests_of
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import RunRecord
from mnistnn.run.view import RunView
from mnistnn.storage.inside import file_in, folder_in
from mnistnn.storage.reading import MAX_BYTES, read_own_file
from mnistnn.storage.sealed_json import parse_as, seal_json
from mnistnn.storage.writing import append_line, force, is_text, remove_last_line, resource_error, write_atomically
from mnistnn.sweep.description import SCHEMA_VERSION, Description, Trial
from mnistnn.sweep.suggested import SuggestedPoint, read_suggested

MOST_ATTEMPTS = 3
"""How often a trial is begun whose process dies, before it counts as failed."""

PRUNED = "pruned: "
"""The prefix of the reason of a pruned run."""

State = Literal["waiting", "running", "interrupted", "finished", "pruned", "diverged", "failed"]
DONE: tuple[State, ...] = ("finished", "pruned", "diverged", "failed")
"""Trials that are not begun again, unless somebody asks for that."""

_DESCRIPTION = TypeAdapter(Description)


@dataclass(frozen=True)
class Study:
    """A sweep's folder, what study.json says, and the points that were suggested since."""

    path: Path
    description: Description
    suggested: list[SuggestedPoint] = field(default_factory=list)

    @property
    def trials(self) -> list[Trial]:
        return [*self.description.trials, *(trial for point in self.suggested for trial in point.trials)]

    @property
    def expected_trials(self) -> int:
        """How many trials there will be, those included that are not known yet."""
        search = self.description.search
        if search is None:
            return len(self.description.trials)
        return search.points * (1 if search.seeds is None else len(search.seeds))

    @cached_property
    def plugins(self) -> Plugins:
        """The code that all trials have. Raises RunError for a file that was altered."""
        if not self.description.code:
            return NO_PLUGINS
        files = read_kept_code(self.code, self.description.code, "study.json")
        return Plugins(files, (), Place(self.path, self.code))

    def refuse_untrusted(self) -> None:
        """Raise LackingCodeError if its code may not be executed on this machine."""
        if lacking := experiment_validator(self.plugins).components.lacking(self.plugins.place):
            raise LackingCodeError(f"{self.path}: {'; '.join(lacking)}")

    @property
    def code(self) -> Path:
        return folder_in(self.path, "code")

    @property
    def base(self) -> Path:
        return file_in(self.path, "base.yaml")

    @property
    def suggested_file(self) -> Path:
        return file_in(self.path, "asked.jsonl")

    @property
    def chosen(self) -> Path:
        return file_in(self.path, "chosen.json")

    def run(self, trial: Trial) -> RunDirectory:
        return RunDirectory(folder_in(folder_in(self.path, "trials"), trial.id))

    def config(self, trial: Trial) -> Path:
        return file_in(folder_in(self.path, "configs"), f"{trial.id}.yaml")

    def attempts(self, trial: Trial) -> Path:
        return file_in(folder_in(self.path, "attempts"), f"{trial.id}.jsonl")

    def trial(self, name: str) -> Trial:
        """Return the trial of a name. Raises RunError."""
        for each in self.trials:
            if each.id == name:
                return each
        raise RunError(f"{self.path}: has no trial '{name}'")


def create_study(
    path: Path,
    description: Description,
    experiments: Sequence[LoadedExperiment],
    base: str | None = None,
    plugins: Plugins = NO_PLUGINS,
) -> Study:
    """Write the folder of a new sweep, study.json last. Raises RunError if something is there already.

    base     the text of base.yaml, where points are suggested one after the other
    plugins  what all its experiments were given
    """
    study = Study(path, description)
    if not is_text(str(path)):
        raise UsageError(f"{path}: is not UTF-8, so no file could hold the name; a sweep needs another one")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir()
        for name in ("configs", "trials", "attempts"):
            (path / name).mkdir()
    except FileExistsError:
        raise RunError(f"{path}: exists already; a sweep needs a folder of its own") from None
    except OSError as error:
        raise resource_error(path, error) from error
    keep_code(study.code, plugins)
    for trial, loaded in zip(description.trials, experiments, strict=True):
        write_config(study, trial, loaded)
    if base is not None:
        write_atomically(study.base, base.encode())
    write_atomically(path / "study.json", seal_json(asdict(description)))
    return study


def write_config(study: Study, trial: Trial, loaded: LoadedExperiment) -> None:
    """Fix the configuration of a trial, before anything names it."""
    write_atomically(study.config(trial), resolved_yaml(type_first(loaded.resolved)).encode())


def open_study(path: Path) -> Study:
    """Read a sweep. Raises RunError if there is none, or it is torn, altered or of another format."""
    file = file_in(path, "study.json")
    if not file.exists():
        raise RunError(f"{path}: not a sweep: it has no study.json")
    text = read_own_file(file, MAX_BYTES)
    study = Study(path, parse_as(_DESCRIPTION, text, str(file), "a sweep", SCHEMA_VERSION))
    study.suggested.extend(read_suggested(study.suggested_file))
    return study


def load_trial_config(study: Study, trial: Trial) -> LoadedExperiment:
    """Return the configuration of a trial as it was fixed. Raises RunError if it was altered since, LackingCodeError if
    its code may not be executed here.
    """
    study.refuse_untrusted()
    loaded = load_resolved(study.config(trial), (), study.plugins)
    if trial.config_hash not in digests_of(loaded):
        raise RunError(f"{study.config(trial)}: altered: its SHA-256 is not the one in study.json")
    return loaded


@dataclass(frozen=True)
class Standing:
    """How a trial stands, and why it failed or was pruned if it was. `begun` counts attempts whose end is not known,
    `best` is the row of the best epoch of a finished one.
    """

    state: State
    begun: int = 0
    problem: str | None = None
    best: dict[str, int | float] | None = None


def standing(study: Study, trial: Trial) -> Standing:
    """Tell how a trial stands, from its run directory and its attempts."""
    run, attempts = study.run(trial), _read_attempts(study, trial)
    if lock.is_held(run):
        return Standing("running", attempts.begun)
    if run.record.exists():
        try:
            record = RunView(run).record
        except RunError as error:
            return Standing("failed", attempts.begun, str(error))
        if record.status == "finished":
            why = pruned_because(record)
            return Standing("finished", best=record.best) if why is None else Standing("pruned", problem=why)
        if record.status == "diverged":  # as it would again: a result, and no failure
            return Standing("diverged", problem=record.reason)
    if attempts.problem is not None:
        return Standing("failed", attempts.begun, attempts.problem)
    if attempts.begun >= MOST_ATTEMPTS:
        return Standing("failed", attempts.begun, f"its process died {attempts.begun} times")
    return Standing("interrupted" if attempts.begun or run.record.exists() else "waiting", attempts.begun)


def finished_runs(study: Study, besides: Collection[str]) -> Iterator[RunView]:
    """Yield the runs of trials that are finished or pruned, besides the ones named."""
    trials = folder_in(study.path, "trials")
    for name in sorted(path.name for path in trials.iterdir()):
        if name in besides:
            continue
        with suppress(RunError):
            view = RunView(RunDirectory(folder_in(trials, name)))
            if view.run.record.exists() and view.record.status == "finished":
                yield view


def pruned_because(record: RunRecord) -> str | None:
    """Return why a finished run was given up, if it was."""
    reason = record.reason or ""
    return reason.removeprefix(PRUNED) if reason.startswith(PRUNED) else None


@contextmanager
def attempt_of(study: Study, trial: Trial, where: str) -> Iterator[None]:
    """Note that an attempt begins, before anything else is done, and take that back if the disk or the device refuses.

    What is left of the note on a disk that refuses even that counts as one attempt whose process died.
    """
    path = study.attempts(trial)
    line = json.dumps({"began": where})
    try:
        _note(study, trial, {"began": where})
        yield
    except ResourceError:
        with suppress(ResourceError):
            remove_last_line(path, line)
        raise


def begun_by(study: Study, trial: Trial) -> str:
    """Return in brackets who has begun the last attempt, if that is known: ` (host:process)`."""
    began = [event["began"] for event in _events(study, trial) if "began" in event]
    return f" ({began[-1]})" if began else ""


def note_end(study: Study, trial: Trial, problem: str | None) -> None:
    """Note how an attempt has ended: well or by request (None), or with an error."""
    _note(study, trial, {"ended": problem})


def note_retry(study: Study, trial: Trial) -> None:
    """Note that what was before shall not count."""
    _note(study, trial, {"retry": True})


def _note(study: Study, trial: Trial, line: dict[str, object]) -> None:
    path = study.attempts(trial)
    append_line(path, json.dumps(line))
    force([path])


@dataclass(frozen=True)
class _Attempts:
    """How many attempts have begun and not ended, one after the other, and the error that the last one ended with."""

    begun: int
    problem: str | None
    retries: int


def _read_attempts(study: Study, trial: Trial) -> _Attempts:
    begun, problem, retries = 0, None, 0
    for event in _events(study, trial):
        if "began" in event:
            begun, problem = begun + 1, None
        elif "retry" in event:
            begun, problem, retries = 0, None, retries + 1
        else:
            begun, problem = 0, event.get("ended")
    return _Attempts(begun, problem, retries)


def _events(study: Study, trial: Trial) -> Iterator[dict[str, Any]]:
    """Yield what was noted about a trial, in order."""
    try:
        lines = read_own_file(study.attempts(trial)).splitlines()
    except RunError:
        return
    for line in lines:
        with suppress(ValueError):  # torn by a power cut
            yield json.loads(line)


def set_aside(study: Study, trial: Trial) -> None:
    """Prepare a failed trial to be tried from the beginning; what its run directory holds is kept in failed/."""
    run, number = study.run(trial), _read_attempts(study, trial).retries + 1
    folder = folder_in(study.path, "failed")
    try:
        folder.mkdir(exist_ok=True)
        if run.path.exists():
            run.path.rename(folder / f"{trial.id}-{number}")
    except OSError as error:
        raise resource_error(folder, error) from error
    note_retry(study, trial)
