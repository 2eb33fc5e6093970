"""Reproduction: which experiments are chosen, what is kept of them, and the table made of it."""

import json
import statistics
from dataclasses import replace
from pathlib import Path

import pytest

from mnistnn.analysis.evaluation.results import evaluate
from mnistnn.config.load import load_experiment
from mnistnn.errors import ConfigError, InterruptedRunError, RunError, UsageError
from mnistnn.reproduction.collection import select
from mnistnn.reproduction.member import Member
from mnistnn.reproduction.record import Origin, SeedResult, make_record, read_records, recipe_hash, write_record
from mnistnn.reproduction.reproduce import Conditions, reproduce
from mnistnn.reproduction.table import renew_table, table_text
from mnistnn.run.directory import all_runs
from mnistnn.run.view import RunView
from mnistnn.runner.session import Verbosity
from mnistnn.runner.signals import StopRequest

PROJECT = Path(__file__).parents[2]
FOLDER = Path("experiments")
RESULTS = FOLDER / "results"
WIDE = "expect: {test_error: [0, 1], source: chance}\n"


def chosen(*names, **options):
    return [member.file for member in select(FOLDER, names, **options)]


def record_of(file="one/a.yaml", errors=(0.25,)):
    seeds = [SeedResult(seed, 1, 2.0 + seed, {"test": error}) for seed, error in enumerate(errors)]
    return make_record(file, Member(FOLDER, file).load(), seeds, Origin("0123abc", False))


def silently(members, seeds=(0,), tell=lambda text: None):
    with StopRequest() as stop:
        conditions = Conditions(seeds, "cpu", Path("runs"), Verbosity(shown=False), stop)
        return reproduce(members, conditions, RESULTS, tell)


def test_quick_is_what_its_list_names(collection):
    assert chosen() == chosen("quick") == ["two/c.yaml", "own.yaml"]


def test_group_is_the_files_of_its_folder_that_claim_something(collection):
    assert chosen("one") == ["one/a.yaml", "one/b.yaml"]


def test_everything_leaves_out_bases(collection):
    assert chosen(everything=True) == ["one/a.yaml", "one/b.yaml", "own.yaml", "two/c.yaml"]


def test_experiment_named_twice_is_chosen_once(collection):
    assert chosen("experiments/one/b.yaml", "one") == ["one/b.yaml", "one/a.yaml"]


def test_unknown_name_is_refused_with_the_nearest_group(collection):
    with pytest.raises(UsageError, match=r"'quik' is neither a file nor a group .*did you mean 'quick'\?"):
        chosen("quik")


def test_named_file_without_a_claim_is_refused(collection):
    with pytest.raises(UsageError, match=r"one/silent\.yaml claims nothing"):
        chosen("experiments/one/silent.yaml")


def test_file_outside_of_the_collection_is_refused(collection, toy):
    with pytest.raises(UsageError, match="is not in experiments"):
        chosen(str(toy))


def test_missing_collection_is_a_usage_error(toy):
    with pytest.raises(UsageError, match="there is no folder experiments here"):
        chosen()


def test_mistakes_of_all_files_are_reported_together(collection):
    collection("one/wrong.yaml", "one-wrong", claim="seeed: 1\n")
    collection("two/worse.yaml", "two-worse", claim="expect: {test_error: 3}\n")
    with pytest.raises(ConfigError) as caught:
        chosen("one", "two")
    assert "one/wrong.yaml" in str(caught.value)
    assert "two/worse.yaml" in str(caught.value)


def test_experiment_whose_parts_do_not_fit_is_refused(collection):
    collection("one/wide.yaml", "one-wide", claim=WIDE + "loss: {type: binary_nll}\n")
    text = (FOLDER / "one/wide.yaml").read_text().replace("loss: {type: softmax_nll}\n", "")
    (FOLDER / "one/wide.yaml").write_text(text)
    with pytest.raises(ConfigError, match="binary_nll needs two classes"):
        chosen("one")


def test_summary_is_mean_and_sample_deviation(collection):
    errors = [0.25, 0.5, 0.375]
    record = record_of(errors=errors)
    (metric,) = record.figures
    assert (metric.count, metric.mean) == (3, pytest.approx(0.375))
    assert metric.std == pytest.approx(statistics.stdev(errors))
    assert record.seconds == 3.0


def test_one_seed_has_no_deviation(collection):
    assert record_of().figures[0].std is None


@pytest.mark.parametrize(("error", "verdict"), [(0.1, "within"), (0.3, "within"), (0.31, "outside")])
def test_verdict_says_whether_the_mean_is_in_the_band(collection, error, verdict):
    collection("one/a.yaml", "one-a", claim="expect: {test_error: [0.1, 0.3]}\n")
    assert record_of(errors=(error,)).verdict == verdict


def test_every_claimed_split_must_be_within_its_band(collection):
    collection("one/a.yaml", "one-a", claim="expect: {test_error: [0, 1], valid_error: [0, 0.1]}\n")
    seeds = [SeedResult(0, 1, 1.0, {"test": 0.2, "valid": 0.2})]
    record = make_record("one/a.yaml", Member(FOLDER, "one/a.yaml").load(), seeds, Origin(None, False))
    assert [metric.is_within for metric in record.figures] == [True, False]
    assert record.verdict == "outside"


def test_record_is_read_as_it_was_written(collection):
    RESULTS.mkdir()
    record = record_of(errors=(0.1, 0.2))
    write_record(record, RESULTS)
    assert read_records(RESULTS) == [record]
    assert (RESULTS / "one-a.json").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not readable"),
        ("[]", "format None"),
        ('{"schema_version": 2}', "format 2"),
        ('{"schema_version": 1}', ""),
    ],
)
def test_file_that_is_no_record_is_refused(collection, text, message):
    RESULTS.mkdir()
    (RESULTS / "one-a.json").write_text(text)
    with pytest.raises(RunError, match=rf"one-a\.json: .*{message}"):
        read_records(RESULTS)


def test_recipe_is_the_same_under_another_claim_and_seed(collection):
    before = recipe_hash(Member(FOLDER, "one/a.yaml").load())
    collection("one/a.yaml", "one-a", claim="expect: {test_error: [0.2, 0.3], note: other}\nseed: 3\n")
    assert recipe_hash(Member(FOLDER, "one/a.yaml").load("seed=4")) == before


def test_recipe_changes_with_a_value(collection):
    path = FOLDER / "one/a.yaml"
    before = recipe_hash(Member(FOLDER, "one/a.yaml").load())
    path.write_text(path.read_text().replace("learning_rate: 0.2", "learning_rate: 0.3"))
    assert recipe_hash(Member(FOLDER, "one/a.yaml").load()) != before


def test_reproduction_keeps_what_evaluation_measures(collection):
    assert silently(select(FOLDER, ["two"]), seeds=(0, 1)) == []
    (record,) = read_records(RESULTS)
    measured = [evaluate(run, "test", "best", pytest.fail).error for run in all_runs(Path("runs"))]
    assert [result.seed for result in record.seeds] == [0, 1]
    assert sorted(result.errors["test"] for result in record.seeds) == sorted(measured)


def test_record_has_no_path_of_this_machine(collection, tmp_path):
    silently(select(FOLDER, ["two"]))
    text = (RESULTS / "two-c.json").read_text()
    assert str(tmp_path) not in text
    assert json.loads(text)["file"] == "two/c.yaml"


def test_claim_on_validation_digits_reads_no_test_digits(collection):
    collection("two/c.yaml", "two-c", claim="expect: {valid_error: [0, 1]}\n")
    silently(select(FOLDER, ["two"]))
    (run,) = all_runs(Path("runs"))
    assert [path.name for path in run.evaluations.iterdir()] == ["valid-best.json"]


def test_failing_experiment_does_not_stop_the_others(collection):
    path = FOLDER / "one/a.yaml"
    path.write_text(path.read_text().replace("learning_rate: 0.2", "learning_rate: 1e30"))
    failures = silently(select(FOLDER, ["one"]))
    assert len(failures) == 1
    assert failures[0].startswith("one/a.yaml: ")
    assert [record.experiment for record in read_records(RESULTS)] == ["one-b"]


def test_request_to_stop_ends_everything(collection, stop_after):
    stop_after(5)
    with pytest.raises(InterruptedRunError):
        silently(select(FOLDER, ["one"]))
    assert len(all_runs(Path("runs"))) == 1


def test_table_has_a_section_per_group_and_the_notes_below(collection):
    noted = replace(record_of("two/c.yaml"), note="the source is wrong")
    text = table_text(FOLDER, [noted, record_of("one/a.yaml"), record_of("own.yaml")], set())
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## The project's own", "## one", "## two"]
    assert text.rstrip().endswith("- **c**: the source is wrong")


def test_table_shows_deviation_and_count(collection):
    text = table_text(FOLDER, [record_of("one/a.yaml", (0.25, 0.35)), record_of("one/b.yaml", (0.5,))], set())
    assert "| a | chance | 30.00 ± 7.07 % (2) | 0.00 to 100.00 % | 2 | within |" in text
    assert "| b | chance | 50.00 % (1) |" in text


def renewed_table():
    renew_table(FOLDER, RESULTS, Path("RESULTS.md"))
    return Path("RESULTS.md").read_text()


def test_result_of_a_changed_experiment_is_marked_stale(collection):
    RESULTS.mkdir()
    write_record(record_of(), RESULTS)
    assert "| stale" not in renewed_table()
    path = FOLDER / "one/a.yaml"
    path.write_text(path.read_text().replace("units: 12", "units: 13"))
    assert "| stale (within) |" in renewed_table()


def test_result_of_a_removed_experiment_is_marked_stale(collection):
    RESULTS.mkdir()
    write_record(record_of(), RESULTS)
    (FOLDER / "one/a.yaml").unlink()
    assert "| stale (within) |" in renewed_table()


def test_corrected_claim_renews_verdict_and_record(collection):
    RESULTS.mkdir()
    write_record(record_of(), RESULTS)
    collection("one/a.yaml", "one-a", claim="expect: {test_error: [0.3, 0.4], source: a book}\n")
    assert "| a | a book | 25.00 % (1) | 30.00 to 40.00 % | 2 | outside |" in renewed_table()
    assert read_records(RESULTS)[0].verdict == "outside"


def test_digest_of_a_recipe_does_not_depend_on_the_working_folder(tmp_path, monkeypatch):
    wave = PROJECT / "experiments" / "sequences" / "wave.yaml"
    from_far = recipe_hash(load_experiment(wave))
    monkeypatch.chdir(wave.parent)
    assert recipe_hash(load_experiment(Path("wave.yaml"))) == from_far
    other = load_experiment(Path("wave.yaml"), ["data.sequences.window=49"])
    assert recipe_hash(other) != from_far


def test_committed_table_is_that_of_the_committed_records(tmp_path):
    records = PROJECT / "experiments" / "results"
    (tmp_path / "results").mkdir()
    for record in read_records(records):
        write_record(record, tmp_path / "results")
    renew_table(PROJECT / "experiments", tmp_path / "results", tmp_path / "RESULTS.md")
    assert (tmp_path / "RESULTS.md").read_text() == (PROJECT / "RESULTS.md").read_text()
    assert read_records(tmp_path / "results") == read_records(records), "run mnistnn reproduce --table-only"


def test_committed_results_are_neither_stale_nor_outside():
    verdicts = {line for line in (PROJECT / "RESULTS.md").read_text().splitlines() if line.startswith("| ")}
    assert not [line for line in verdicts if "| stale" in line or "| outside |" in line]


def test_every_quick_experiment_has_a_committed_record():
    recorded = {record.file for record in read_records(PROJECT / "experiments" / "results")}
    assert {member.file for member in select(PROJECT / "experiments", ["quick"])} <= recorded


def test_group_leaves_out_what_says_why_it_is_not_run(collection):
    collection("one/dear.yaml", "one-dear", claim="expect: {test_error: [0, 1], not_run: It takes weeks.}\n")
    assert chosen("one") == ["one/a.yaml", "one/b.yaml"]
    assert chosen("experiments/one/dear.yaml") == ["one/dear.yaml"]


def test_table_says_why_an_experiment_was_not_run(collection):
    claim = "expect: {test_error: [0.1, 0.2], source: a book, note: noted, not_run: It takes weeks.}\n"
    collection("one/dear.yaml", "one-dear", claim=claim)
    text = table_text(FOLDER, [record_of("one/a.yaml")], set())
    assert "| dear | a book | – | 10.00 to 20.00 % | – | not run |" in text
    assert "- **dear**: noted Not run: It takes weeks." in text


def test_record_takes_the_place_of_the_reason(collection):
    collection("one/dear.yaml", "one-dear", claim="expect: {test_error: [0, 1], not_run: It takes weeks.}\n")
    text = table_text(FOLDER, [record_of("one/dear.yaml")], set())
    assert "| dear |  | 25.00 % (1) |" in text
    assert "not run |" not in text


def test_remark_stays_with_a_record_and_stands_below_the_table(collection):
    with StopRequest() as stop:
        conditions = Conditions([0], "cpu", Path("runs"), Verbosity(shown=False), stop, remark="Beside tests.")
        reproduce(select(FOLDER, ["two"]), conditions, RESULTS, lambda text: None)
    assert "- **c**: Beside tests." in renewed_table()
    collection("two/c.yaml", "two-c", claim="expect: {test_error: [0, 0.9], source: x}\n")
    assert "- **c**: Beside tests." in renewed_table()


def test_pseudo_likelihood_is_that_of_the_last_epoch_of_training(collection):
    text = (
        "name: two-rbm\ndata: {dataset: bars-and-stripes, validation_examples: 8}\nmodel: {type: rbm, hidden: 3}\n"
        "loss: {type: contrastive_divergence, particles: 8}\nbatches: {size: 8}\n"
        "optimizer: {type: sgd, learning_rate: 0.1}\nstopping: [{type: max_epochs, epochs: 3}]\n"
        "checkpoint: {monitor: last}\nexpect: {train_pseudo_likelihood: [-20, -1]}\n"
    )
    (FOLDER / "two/rbm.yaml").write_text(text)
    told: list[str] = []
    assert silently(select(FOLDER, ["experiments/two/rbm.yaml"]), tell=told.append) == []
    assert told[1].startswith("  seed 0: pseudo-likelihood -")
    (record,) = read_records(RESULTS)
    (run,) = all_runs(Path("runs"))
    assert record.seeds[0].errors == {"pseudo_likelihood": -RunView(run).rows[-1]["train.loss"]}
    assert not list(run.evaluations.glob("*"))
    assert "| rbm |  | pseudo-likelihood -" in renewed_table()


def test_table_names_the_gpu_that_a_record_was_made_on(collection):
    on_gpu = replace(record_of(), device="Some GPU")
    assert "(Some GPU) |" in table_text(FOLDER, [on_gpu], set())
