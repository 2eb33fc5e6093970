"""Points asked of Optuna one after the other: killed anywhere, they are those of a sweep that was not."""

import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest

from mnistnn.config.load import load_resolved
from mnistnn.errors import BusyError, ConfigError, ResourceError, RunError, UsageError
from mnistnn.storage.sealed_json import seal_json
from mnistnn.sweep import planning
from mnistnn.sweep import search as search_module
from mnistnn.sweep.engines import Local, LocalPool
from mnistnn.sweep.scheduling import run_study
from mnistnn.sweep.search import searching
from mnistnn.sweep.selection import choose, results_of
from mnistnn.sweep.study import Study, open_study, standing
from mnistnn.sweep.trial import run_trial

optuna: Any = pytest.importorskip("optuna")

VALUES = ("optimizer.learning_rate=1e-3..1:log", "batches.size=8..64", "model.layers.hidden.activation=tanh,relu")


class Here:
    """An engine that does a trial in this process, at once when it is submitted."""

    @contextmanager
    def open(self, workers: int | None = None) -> Iterator[LocalPool]:
        class Now:
            def submit(self, do, *arguments):
                future: Future[object] = Future()
                future.set_result(do(*arguments))
                return future

        yield LocalPool(Now(), None, [])  # type: ignore[arg-type]


@contextmanager
def asking(study: Study) -> Iterator[Any]:
    """Yield the searcher of a study, of which tests also see what is private."""
    with searching(study) as searcher:
        yield searcher


def do(study: Study, at_a_time: int = 1) -> list[tuple[str, str]]:
    heard: list[tuple[str, str]] = []
    assert run_study(study, Here(), lambda p: heard.append((p.trial.id, p.ended.state)), at_a_time) is None
    return heard


def points(study: Study) -> list[dict[str, str]]:
    return [each.trials[0].values for each in study.suggested]


def told(study: Study) -> list[tuple[str, float | None]]:
    """Return state and value of each point, as Optuna is told them when the sweep is opened anew."""
    with asking(open_study(study.path)) as searcher:
        searcher.settle()
        return [(trial.state.name, trial.value) for trial in searcher._results.trials]


def test_points_are_asked_for_until_there_are_so_many_and_told_with_their_mean(searched):
    study = searched(*VALUES, points=3, seeds=[4, 5])
    assert sorted(do(study)) == [(f"{n:04d}-seed{seed}", "finished") for n in range(3) for seed in (4, 5)]
    again = open_study(study.path)
    assert (again.trials, len(again.trials), again.expected_trials) == (study.trials, 6, 6)
    for each, reported in zip(again.suggested, told(study), strict=True):
        errors = [min(rows(study, trial.id)) for trial in each.trials]
        assert reported == ("COMPLETE", statistics.fmean(errors))
        for trial in each.trials:
            resolved = load_resolved(study.config(trial)).resolved
            assert resolved["seed"] == trial.seed
            assert resolved["optimizer"]["learning_rate"] == float(trial.values["optimizer.learning_rate"])
            assert resolved["batches"]["size"] == int(trial.values["batches.size"])
            assert resolved["stopping"][0]["epochs"] == 1
    assert do(study) == []


def rows(study: Study, name: str) -> list[float]:
    text = (study.path / "trials" / name / "metrics.jsonl").read_text()
    return [json.loads(line)["valid.error"] for line in text.splitlines()]


def test_later_points_follow_what_became_of_the_first(searched):
    """Points are told as good where they are near an end that only the telling knows."""
    strengths = {}
    for end in (0.0, 1.0):
        study = searched("penalties.l2.strength=0..1.0", points=40, path=f"end{end:g}")
        with asking(study) as searcher:

            def report(point, searcher=searcher, end=end):
                far = abs(float(point.trials[0].values["penalties.l2.strength"]) - end)
                searcher._add(point, optuna.trial.TrialState.COMPLETE, far)

            searcher._report = report
            for _ in range(40):
                searcher.settle()
                searcher.ask()
        strengths[end] = [float(values["penalties.l2.strength"]) for values in points(study)]
    assert strengths[0.0][:10] == strengths[1.0][:10]
    assert statistics.fmean(strengths[0.0][10:]) < 0.3
    assert statistics.fmean(strengths[1.0][10:]) > 0.7


class KilledError(BaseException):
    """Ends the process, as far as the sweep can tell: nothing catches it."""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    "step",
    [
        "search.Searcher._draw",
        "search.write_config",
        "search.append_suggested",
        "scheduling.run_trial",
        "search.Searcher._report",
    ],
)
def test_sweep_killed_between_any_two_steps_goes_on_as_if_it_was_not(searched, bits, monkeypatch, step, moment):
    reference = searched(*VALUES, path="undisturbed")
    do(reference)
    study = searched(*VALUES)
    real = resolve_name(f"mnistnn.sweep.{step}")
    for times in (3, 9):
        calls = itertools.count(1)

        def deadly(*arguments, calls=calls, times=times):
            number = next(calls)
            if number == times and moment == "before":
                raise KilledError
            result = real(*arguments)
            if number == times:
                raise KilledError
            return result

        with monkeypatch.context() as patched:
            patched.setattr(f"mnistnn.sweep.{step}", deadly)
            with pytest.raises(KilledError):
                do(study)
        study = open_study(study.path)
    do(study)
    assert points(study) == points(reference)
    assert bits(study) == bits(reference)
    assert told(study) == told(reference)


def test_sweep_with_a_journal_beside_its_points_goes_on(searched, bits):
    """Earlier versions kept a journal of Optuna's, and the number of each point there."""
    reference, study = searched(*VALUES, path="undisturbed"), searched(*VALUES)
    do(reference)
    for _ in range(11):
        with asking(study) as searcher:
            searcher.settle()
            trials = searcher.ask()
        run_trial(str(study.path), trials[0].id)
    lines = [json.loads(line) for line in study.suggested_file.read_text().splitlines()]
    for line in lines:
        line["optuna"] = line["point"] + 3
        del line["sha256"]
    sealed = [json.dumps(json.loads(seal_json(line))) for line in lines]
    study.suggested_file.write_text("\n".join(sealed) + "\n")
    (study.path / "optuna.journal").write_text("not read\n")
    study = open_study(study.path)
    assert [each.optuna for each in study.suggested] == list(range(3, 14))
    do(study)
    assert points(study) == points(reference)
    assert bits(study) == bits(reference)
    assert (study.path / "optuna.journal").read_text() == "not read\n"


def test_number_that_rounding_moved_past_the_end_of_its_range_is_reported(searched):
    study = searched("optimizer.learning_rate=0.1..0.12345678", points=3)
    with asking(study) as searcher:
        searcher._draw = lambda: {"optimizer.learning_rate": "0.123457"}
        searcher.ask()
        searcher._add(study.suggested[0], optuna.trial.TrialState.COMPLETE, 0.5)
        assert [trial.params for trial in searcher._results.trials] == [{"optimizer.learning_rate": 0.12345678}]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_lock_of_a_search_that_is_no_file_is_refused_by_name(searched, command, kind):
    study = searched(*VALUES, points=1)
    lock = study.path / ".asking"
    match kind:
        case "link":
            lock.symlink_to("../elsewhere")
        case "pipe":
            os.mkfifo(lock)
        case "folder":
            lock.mkdir()
    done = command("sweep", "resume", study.path)
    assert (done.code, f"{lock}: " in done.err) == (4, True)
    assert not Path("elsewhere").exists()


def test_process_killed_in_a_trial_goes_on_as_if_it_was_not(searched, bits):
    long = (*VALUES, "stopping.max_epochs.epochs=20")
    reference = searched(*long, points=3, path="undisturbed")
    do(reference)
    study = searched(*long, points=3)
    process = subprocess.Popen([sys.executable, "-m", "mnistnn", "sweep", "resume", "study"], stderr=subprocess.PIPE)
    for _ in range(600):
        if (found := open_study(study.path).suggested[1:]) and study.run(found[0].trials[0]).metrics.exists():
            break
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert len(open_study(study.path).suggested) == 2
    done = subprocess.run(
        [sys.executable, "-m", "mnistnn", "sweep", "resume", "study"], check=True, capture_output=True, text=True
    )
    assert "next: mnistnn sweep best study" in done.stdout
    study = open_study(study.path)
    assert points(study) == points(reference)
    assert bits(study) == bits(reference)


def test_torn_line_is_no_point(searched, bits):
    reference, study = searched(*VALUES, points=4, path="undisturbed"), searched(*VALUES, points=4)
    do(reference)
    with asking(study) as searcher:
        searcher.settle()
        trials = searcher.ask()
    run_trial(str(study.path), trials[0].id)
    with study.suggested_file.open("ab") as file:
        file.write(b'{"half')
    study = open_study(study.path)
    do(study)
    assert points(study) == points(reference)
    assert bits(study) == bits(reference)


def test_points_under_way_are_as_many_as_there_are_workers(searched):
    study = searched(*VALUES, points=5, seeds=[0, 1])
    under_way = []

    def ask(self, real=search_module.Searcher.ask):
        states = {each.point: {standing(study, trial).state for trial in each.trials} for each in study.suggested}
        under_way.append(sum(state != {"finished"} for state in states.values()))
        return real(self)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(search_module.Searcher, "ask", ask)
        run_study(study, Local(2), lambda p: None, 2)
    assert len(under_way) == 5
    assert (under_way[0], max(under_way)) == (0, 1)
    assert [state for state, _ in told(study)] == ["COMPLETE"] * 5


def test_point_that_is_no_valid_experiment_or_diverges_is_told_and_the_others_go_on(searched, toy, monkeypatch):
    study = searched("optimizer.learning_rate=0.1,1e30", "batches.size=16,32", points=4)
    real = planning.load_member

    def load(base, search, space, point, seed, plugins):
        if point == {"optimizer.learning_rate": "0.1", "batches.size": "32"}:
            raise ConfigError("these do not fit together")
        return real(base, search, space, point, seed, plugins)

    monkeypatch.setattr(search_module, "load_member", load)
    assert sorted(state for _, state in do(study)) == ["diverged", "diverged", "failed", "finished"]
    assert sorted(state for state, _ in told(study)) == ["COMPLETE", "FAIL", "PRUNED", "PRUNED"]
    problems = [standing(study, trial).problem for trial in study.trials]
    assert problems.count("these do not fit together") == 1
    assert choose(study).values == {"optimizer.learning_rate": "0.1", "batches.size": "16"}
    assert do(open_study(study.path)) == []


def test_every_point_of_a_small_space_is_asked_for_once(searched):
    study = searched("optimizer.learning_rate=0.1,0.3", "batches.size=30..32", points=6)
    with asking(study) as searcher:
        searcher._report = lambda point: searcher._add(point, optuna.trial.TrialState.COMPLETE, 0.5)
        for _ in range(6):
            searcher.settle()
            searcher.ask()
    assert len({tuple(point.values()) for point in points(study)}) == 6


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (
            ["optimizer.learning_rate=-1..0.5"],
            ConfigError,
            r"(?s)member 0 \(optimizer\.learning_rate=-1\).*no trial was",
        ),
        (["optimizer.momentum=0.5..1.5"], ConfigError, r"(?s)member 0 \(optimizer\.momentum=0\.5\).*2 of 2 members"),
        (
            ["model.layers.output.units=4..90"],
            ConfigError,
            r"(?s)member 1 \(model\.layers\.output\.units=90\).*1 of 2 members",
        ),
        (["batches.size=8..90", "loss.type=softmax_nll,nll"], ConfigError, r"(?s)member 2 \(.*loss\.type=nll\)"),
        (["batches.size=8..16"], UsageError, "there are only 9 combinations"),
        (["batches.size=8"], UsageError, "nothing varies"),
    ],
)
def test_ends_and_listed_values_are_checked_before_anything_is_made(searched, values, error, message):
    with pytest.raises(error, match=message):
        searched(*values)
    assert not Path("study").exists()


def test_second_process_is_told_that_the_sweep_is_being_done(searched):
    study = searched(*VALUES)
    with searching(study), pytest.raises(BusyError, match="another mnistnn process does this sweep"), searching(study):
        pass


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("base.yaml", b"name: other\n", r"base\.yaml: altered"),
        ("asked.jsonl", b'{"schema_version": 1}\n', r"asked\.jsonl:1"),
    ],
)
def test_altered_file_of_the_search_is_named(searched, name, content, message):
    study = searched(*VALUES, points=2)
    with asking(study) as searcher:
        searcher.settle()
        searcher.ask()
    (study.path / name).write_bytes(content)
    with pytest.raises(RunError, match=message):
        do(open_study(study.path))


def test_nothing_is_chosen_while_points_are_yet_to_be_asked_for(searched):
    study = searched(*VALUES, points=2)
    with asking(study) as searcher:
        searcher.settle()
        searcher.ask()
    run_trial(str(study.path), study.trials[0].id)
    with pytest.raises(RunError, match=r"1 of 2 trials are not done; go on"):
        choose(study)
    assert choose(study, so_far=True).point == 0
    assert [result.point for result in results_of(study)] == [0]


def test_missing_library_is_named_with_its_cure(searched, monkeypatch):
    study = searched(*VALUES)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with (
        pytest.raises(ResourceError, match=r"--sampler tpe needs Optuna: pip install 'mnistnn\[sweep\]'"),
        searching(study),
    ):
        pass
