"""Which experiments have a finished run."""

import json
from pathlib import Path

import pytest

from mnistnn.config.examples import example_path
from mnistnn.config.load import load_experiment
from mnistnn.course.chapters import CHAPTERS, experiments_by_chapter, pages
from mnistnn.course.done import finished, name_in
from mnistnn.run.record import read_record

SOME = ("softmax", "mlp", "lisa/mlp", "course/adam", "alternatives/l_bfgs", "boltzmann/bars_visible")


@pytest.mark.parametrize("name", SOME)
def test_name_of_an_experiment_is_read_without_loading_it(name):
    path = example_path(name)
    assert path is not None
    assert name_in(path) == load_experiment(path).experiment.name


def test_only_finished_runs_count(toy, start):
    start(toy, "name=softmax", path="runs/softmax/1")
    run = start(toy, "name=mlp", path="runs/mlp/1").run
    record = read_record(run)
    record.status = "stopped"
    record.write(run)
    assert finished(["softmax", "mlp", "lstm"], Path("runs")) == {"softmax": Path("runs/softmax/1")}


def test_damaged_run_counts_as_none(toy, start):
    start(toy, "name=softmax", path="runs/softmax/1")
    Path("runs/softmax/1/run.json").write_text(json.dumps({}))
    assert finished(["softmax"], Path("runs")) == {}


def test_experiment_of_several_pages_is_under_the_first():
    found = experiments_by_chapter()
    names = [name for _, several in found for name in several]
    assert len(names) == len(set(names)) == len({name for page in pages() for name in page.experiments})
    assert [title for title, _ in found] == [chapter.title for chapter in CHAPTERS]
    by_title = dict(found)
    assert "course/few_digits" in by_title["How many epochs should we train for?"]
    assert "course/few_digits" not in by_title["How can we prevent overfitting?"]
