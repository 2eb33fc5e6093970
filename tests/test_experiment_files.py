"""The files under experiments/: valid, commented, named for their place, and each with a claim and its source."""

from functools import cache
from pathlib import Path

import pytest

from mnistnn.config.load import LoadedExperiment, load_experiment
from mnistnn.experiment.plan import Plan

FOLDER = Path(__file__).parents[1] / "experiments"
FILES = sorted(FOLDER.rglob("*.yaml"))
CLAIMS = [path for path in FILES if path.parent.name != "base"]
COURSE = [path for path in CLAIMS if path.parent.name == "course"]


@cache
def loaded_from(path: Path) -> LoadedExperiment:
    """Load a file, once for all tests that look at it; none changes it (a plan has a copy)."""
    return load_experiment(path)


def name_of(path: Path) -> str:
    return path.relative_to(FOLDER).with_suffix("").as_posix()


each_file = pytest.mark.parametrize("path", FILES, ids=name_of)
each_claim = pytest.mark.parametrize("path", CLAIMS, ids=name_of)


def test_there_is_an_experiment_for_each_technique_of_the_course():
    assert len(COURSE) >= 25


@pytest.mark.parametrize("path", COURSE, ids=name_of)
def test_course_experiment_shows_its_technique_and_little_else(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if not line.startswith("#")]) <= 18


@pytest.mark.parametrize("path", COURSE, ids=name_of)
def test_claim_leaves_room_for_the_noise_of_the_test_split(path):
    """Half a band is at least two standard deviations of a binomial: 10 000 digits tell no more."""
    loaded = loaded_from(path)
    band, table = loaded.experiment.expect.test_error, loaded.experiment.data.table
    if band is None or (table is not None and table.whole):
        return  # it claims no error, or one of all that there is
    low, high = band
    examples = Plan(loaded).examples["test"]
    middle = (low + high) / 2
    assert (high - low) / 2 >= 2 * (middle * (1 - middle) / examples) ** 0.5


@each_file
def test_experiment_is_valid_and_its_parts_fit(path):
    assert Plan(loaded_from(path)).pace.updates_per_epoch >= 1


@each_file
def test_experiment_begins_with_a_comment(path):
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# ")
    assert len(first) > 20


@each_file
def test_experiment_is_named_for_its_place(path):
    """So no two files share a name, and a run's folder leads back to its experiment."""
    assert loaded_from(path).experiment.name == name_of(path).replace("/", "-").replace("_", "-")


@each_file
def test_experiment_has_lines_that_fit_the_page(path):
    assert max(map(len, path.read_text(encoding="utf-8").splitlines())) <= 130


@each_claim
def test_experiment_expects_a_metric_and_says_where_it_comes_from(path):
    """A test error; of a regression its loss; of an unsupervised model nats."""
    experiment = loaded_from(path).experiment
    expect = experiment.expect
    if hasattr(experiment.model, "learns_by"):
        assert expect.test_log_likelihood or expect.test_reconstruction or expect.train_pseudo_likelihood
    else:
        claims = (expect.test_error, expect.test_balanced_error, expect.test_loss, expect.test_variance)
        assert any(claim is not None for claim in claims)
    assert expect.source


@each_claim
def test_experiment_has_a_record_or_says_why_not(path):
    expect, name = loaded_from(path).experiment.expect, loaded_from(path).experiment.name
    assert (FOLDER / "results" / f"{name}.json").exists() is not bool(expect.not_run)


@each_claim
def test_expected_intervals_are_intervals(path):
    expect = loaded_from(path).experiment.expect
    for interval in (expect.test_error, expect.valid_error, expect.test_balanced_error):
        assert interval is None or 0 <= interval[0] < interval[1] < 1
    lost = expect.test_reconstruction
    for nats in (expect.test_log_likelihood, expect.train_pseudo_likelihood):
        assert nats is None or nats[0] < nats[1] < 0
    assert lost is None or 0 < lost[0] < lost[1]


@each_file
def test_bases_make_no_claims(path):
    expect = loaded_from(path).experiment.expect
    assert path in CLAIMS or (expect.test_error, expect.valid_error, expect.test_balanced_error) == (None, None, None)


@each_file
def test_file_extends_only_bases(path):
    """The members of a committee are files of the collection too, which are not extended."""
    loaded = loaded_from(path)
    others = [Path(name).resolve() for name, _ in loaded.sources[1:]]
    members = CLAIMS if "members" in loaded.resolved["model"] else []
    assert all(other.parent == FOLDER / "base" or other in members for other in others)
