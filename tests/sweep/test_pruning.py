"""Unpromising trials end early, by the median of those that are finished; without --prune nothing changes."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from typing import Any

import pytest

from mnistnn.errors import ResourceError, RunError
from mnistnn.run.record import read_record
from mnistnn.sweep.engines import Local
from mnistnn.sweep.pruning import FIRST_EPOCH, LEAST_FINISHED, Pruner, best_by_epoch
from mnistnn.sweep.scheduling import run_study
from mnistnn.sweep.search import searching
from mnistnn.sweep.selection import choose, results_of
from mnistnn.sweep.study import Study, open_study, standing
from mnistnn.sweep.trial import run_trial

optuna: Any = pytest.importorskip("optuna")

EPOCHS = "stopping.max_epochs.epochs=6"
GOOD = ",".join(f"0.2{n}" for n in range(LEAST_FINISHED))
UNPROMISING = "0.0001"


def do(study: Study, *names: str) -> list[str]:
    return [run_trial(str(study.path), t.id).state for t in study.trials if not names or t.id in names]


def errors(study: Study, name: str) -> list[float]:
    text = (study.path / "trials" / name / "metrics.jsonl").read_text()
    return [json.loads(line)["valid.error"] for line in text.splitlines()]


def test_trial_above_the_median_of_the_finished_ends_with_a_complete_run_that_says_so(prepared):
    study = prepared(EPOCHS, f"optimizer.learning_rate={GOOD},{UNPROMISING}", prune=True)
    assert do(study) == ["finished"] * LEAST_FINISHED + ["pruned"]
    last = study.trials[-1]
    others = [min(errors(study, trial.id)[:FIRST_EPOCH]) for trial in study.trials[:-1]]
    own = min(errors(study, last.id))
    assert len(errors(study, last.id)) == FIRST_EPOCH
    assert own > statistics.median(others)
    why = (
        f"after epoch {FIRST_EPOCH} valid.error {100 * own:.2f} % was above {100 * statistics.median(others):.2f} %, "
        f"the median of {LEAST_FINISHED} trials"
    )
    record = read_record(study.run(last))
    assert (record.status, record.exit_code, record.reason) == ("finished", 0, f"pruned: {why}")
    assert (standing(study, last).state, standing(study, last).problem) == ("pruned", why)
    assert do(study, last.id) == ["pruned"]
    assert study.attempts(last).read_text().count("began") == 1


def test_nothing_is_pruned_before_enough_are_finished(prepared):
    fewer = GOOD.rpartition(",")[0]
    study = prepared(EPOCHS, f"optimizer.learning_rate={fewer},{UNPROMISING}", prune=True)
    assert set(do(study)) == {"finished"}


def test_sweep_without_pruning_has_the_bits_of_one_that_never_heard_of_it(prepared, bits):
    values = (EPOCHS, f"optimizer.learning_rate={GOOD},{UNPROMISING}")
    plain, pruned = prepared(*values), prepared(*values, path="pruned", prune=True)
    do(plain)
    do(pruned)
    whole = bits(plain)
    last = plain.trials[-1].id
    assert len(errors(plain, last)) == 6
    same = {name: content for name, content in bits(pruned).items() if not name.startswith(last)}
    assert same == {name: content for name, content in whole.items() if not name.startswith(last)}
    assert errors(pruned, last) == errors(plain, last)[:FIRST_EPOCH]


def test_point_with_a_pruned_trial_is_no_candidate_and_its_other_seeds_end(prepared):
    study = prepared(EPOCHS, f"optimizer.learning_rate={GOOD},{UNPROMISING}", seeds=[0, 1], prune=True)
    do(study, *(f"{n:04d}-seed0" for n in range(LEAST_FINISHED)), f"{LEAST_FINISHED:04d}-seed0")
    do(study)
    assert [standing(study, trial).state for trial in study.trials[-2:]] == ["pruned"] * 2
    assert str(standing(study, study.trials[-1]).problem) == (
        f"{LEAST_FINISHED:04d}-seed0, another seed of this point, was pruned"
    )
    assert len(errors(study, study.trials[-1].id)) == 1
    worst = next(result for result in results_of(study) if result.point == LEAST_FINISHED)
    assert (worst.is_complete, worst.mean) == (False, None)
    assert choose(study).point < LEAST_FINISHED


def test_sweep_in_which_all_was_pruned_has_nothing_to_choose(prepared):
    study = prepared("batches.size=16,32", prune=True)
    do(study)
    for trial in study.trials:
        record = read_record(study.run(trial))
        record.reason = "pruned: for the test"
        record.write(study.run(trial))
    with pytest.raises(RunError, match="no point of which all trials are finished"):
        choose(study)


def test_killed_pruned_sweep_goes_on(prepared):
    study = prepared("stopping.max_epochs.epochs=15", f"optimizer.learning_rate={GOOD},{UNPROMISING}", prune=True)
    process = subprocess.Popen([sys.executable, "-m", "mnistnn", "sweep", "resume", "study"], stderr=subprocess.PIPE)
    for _ in range(900):
        if study.run(study.trials[2]).metrics.exists():
            break
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    heard: list[tuple[str, str, int]] = []
    run_study(study, Local(2), lambda p: heard.append((p.trial.id, p.ended.state, p.finished)))
    states = [standing(study, trial).state for trial in study.trials]
    assert set(states) <= {"finished", "pruned"}
    assert heard[-1][2] == len(study.trials)
    assert not {name for name, _, _ in heard} & {study.trials[0].id, study.trials[1].id}


def test_pruned_point_of_a_search_is_told_as_pruned(searched):
    study = searched(EPOCHS, "optimizer.learning_rate=1e-4..1:log", points=12, prune=True)
    assert run_study(study, Local(1), lambda p: None) is None
    states = [standing(study, trial).state for trial in open_study(study.path).trials]
    assert {"finished", "pruned"} == set(states)
    with searching(study) as searcher:
        assert searcher is not None
        searcher.settle()
        told = [trial.state.name for trial in searcher._results.trials]
    assert told == [{"finished": "COMPLETE", "pruned": "PRUNED"}[state] for state in states]


def test_curve_is_of_whole_epochs_and_falls():
    rows = [{"epoch": 0.5, "e": 0.2}, {"epoch": 1, "e": 0.3}, {"epoch": 1.5, "e": 0.1}, {"epoch": 2, "e": 0.4}]
    assert best_by_epoch(rows, "e") == {1: 0.2, 2: 0.1}


def test_missing_library_fails_no_trial(prepared, monkeypatch):
    study = prepared("batches.size=16,32", prune=True)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ResourceError, match=r"--prune needs Optuna: pip install 'mnistnn\[sweep\]'"):
        Pruner(study, study.trials[0])
    assert do(study) == ["refused", "refused"]
    assert {standing(study, trial).state for trial in study.trials} == {"waiting"}
