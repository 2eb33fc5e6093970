"""Records of runs that are there already."""

from pathlib import Path

import pytest

from mnistnn.analysis.evaluation.results import evaluate
from mnistnn.errors import TimeBudgetError, UsageError
from mnistnn.experiment.plan import Plan
from mnistnn.reproduction.from_runs import record_of_runs
from mnistnn.reproduction.member import Member
from mnistnn.run.directory import RunDirectory
from mnistnn.runner import session

FOLDER = Path("experiments")
SILENT = session.Verbosity(shown=False)


@pytest.fixture
def member(collection):
    return Member(FOLDER, "one/a.yaml")


def trained(member, name, *overrides):
    return session.start(Plan(member.load(*overrides)), Path("runs", name), Path("runs"), SILENT).run


def cut_off(member, name):
    with pytest.raises(TimeBudgetError):
        session.start(Plan(member.load()), Path("runs", name), Path("runs"), SILENT, time_budget_s=0.0)
    return RunDirectory(Path("runs", name))


def recorded(member, *runs, unfinished=False, remark=None):
    return record_of_runs(member, runs, unfinished, remark, lambda text: None)


def test_record_is_that_of_the_runs_with_their_seeds(member):
    runs = [trained(member, f"seed{seed}", f"seed={seed}") for seed in (0, 3)]
    record = recorded(member, *runs, remark="Beside tests.")
    assert [result.seed for result in record.seeds] == [0, 3]
    assert [result.errors["test"] for result in record.seeds] == [
        evaluate(run, "test", "best", pytest.fail).error for run in runs
    ]
    assert (record.verdict, record.cut_off, record.remark) == ("within", None, "Beside tests.")


def test_what_eval_has_kept_is_not_measured_again(member):
    run = trained(member, "one")
    before = evaluate(run, "test", "best", pytest.fail)
    assert recorded(member, run).seeds[0].errors["test"] == before.error
    assert len((run.evaluations / "test-readings.jsonl").read_text().splitlines()) == 1


def test_how_it_was_saved_and_called_does_not_matter(member):
    run = trained(member, "one", "checkpoint.every_epochs=2", "backend.threads=1", "name=other")
    assert recorded(member, run).seeds[0].seed == 0


@pytest.mark.parametrize(
    ("override", "key"),
    [("batches.size=7", "batches.size"), ("optimizer.learning_rate=0.15", "optimizer.learning_rate")],
)
def test_run_of_another_experiment_is_refused_by_the_key(member, override, key):
    with pytest.raises(UsageError, match=rf"is not of one/a\.yaml, which differs in {key}"):
        recorded(member, trained(member, "one", override))


def test_two_runs_with_one_seed_are_refused(member):
    runs = [trained(member, name) for name in ("one", "two")]
    with pytest.raises(UsageError, match="has seed 0, as another of these runs has"):
        recorded(member, *runs)


def test_unfinished_run_is_refused_unless_it_is_wanted(member):
    with pytest.raises(UsageError, match="--unfinished records what it has reached"):
        recorded(member, cut_off(member, "one"))


def test_record_says_where_a_run_was_cut_off(member, stop_after):
    stop_after(Plan(member.load()).pace.updates_per_epoch + 1)
    with pytest.raises(Exception, match="interrupted"):
        trained(member, "one")
    record = recorded(member, RunDirectory(Path("runs/one")), unfinished=True)
    assert record.cut_off == "seed 0 after epoch 1"
    assert record.seeds[0].epoch == 1
