"""New experiment files: what `config new` prints."""

from pathlib import Path

import pytest

from mnistnn.config.load import load_experiment, load_text
from mnistnn.config.template import SCHEMA_FILE, template

FOLDER = Path(__file__).parents[2] / "experiments"
NAMES = ["mlp", "course/dropconnect", "lstm", "rbm", "dbn", "history/stumps_haar", "history/deep_elastic", "lisa/mlp"]


@pytest.mark.parametrize("name", NAMES)
def test_new_file_says_what_the_experiment_says_and_claims_nothing(name):
    loaded = load_experiment(FOLDER / f"{name}.yaml")
    text = template(loaded, "other")
    found = load_text(text, "mine.yaml").resolved
    expected = {**loaded.resolved, "name": "other"}
    assert {**found, "expect": None} == {**expected, "expect": None}
    assert found["expect"]["test_error"] is None
    assert "extends" not in text


def test_first_line_is_that_of_editors():
    text = template(load_experiment(FOLDER / "mlp.yaml"), "mine")
    assert text.splitlines()[0] == f"# yaml-language-server: $schema={SCHEMA_FILE}"


def test_each_key_has_a_word_above_it_and_defaults_stand_below_as_comments():
    lines = template(load_experiment(FOLDER / "mlp.yaml"), "mine").splitlines()
    at = lines.index("optimizer:")
    assert lines[at - 1] == "# How parameters are moved"
    below = lines[lines.index("# Not said above, so these defaults hold:") :]
    assert "# augment: null" in below
    assert all(line.startswith("#") or not line for line in below)


def test_comments_become_the_defaults_when_their_marks_are_taken_away():
    loaded = load_experiment(FOLDER / "mlp.yaml")
    head, mark, below = template(loaded, "mlp").partition("# Not said above, so these defaults hold:\n")
    assert mark
    whole = load_text(head + below.replace("\n# ", "\n"), "mine.yaml").resolved
    assert {**whole, "expect": None} == {**loaded.resolved, "expect": None}
