"""Every reader on damaged files: the whole file's content, or a refusal that names the file; never anything else.

`make fuzz` does the same with many more of them: FUZZ=10000 of each format, SEED=0.
"""

import os
import shutil

import pytest

from mnistnn.data.datasets import cache
from mnistnn.data.datasets.manifest import MANIFEST_NAME
from mnistnn.run.directory import RunDirectory
from tests.faults.formats import formats_of_runs, formats_of_sets, fuzz
from tests.faults.trials import command

SETS = (
    *(
        "idx",
        "idx.gz",
        "pickle",
        "pickle.gz",
        "npz",
        "npz deflated",
        "png",
        "csv",
        "csv of words and decimals",
        "csv.gz",
    ),
    *("libsvm", "libsvm.bz2", "mat", "mat deflated", "table of labels", "zip of pictures"),
)
PICTURES = ("alpha png", "palette png", "colour jpg", "grey pgm", "colour npy")
RUNS = (
    *(
        "experiment",
        "experiment with layers put in",
        "committee",
        "config.yaml",
        "checkpoint",
        "transform",
        "metrics.jsonl",
        "metrics.jsonl on resume",
    ),
    *("run.json", "environment.json", "manifest.json", "stored set", "evaluation"),
)
SEED, MANY = int(os.environ.get("SEED", "0")), int(os.environ.get("FUZZ", "10000"))
FEW = 150


@pytest.fixture
def of_run(whitened, toy_cache, tmp_path, monkeypatch):
    """The formats of a run, of its experiment, and of a data set, in a cache that may be damaged."""
    shutil.copytree(toy_cache, tmp_path / "cache")
    monkeypatch.setenv("MNISTNN_DATA", str(tmp_path / "cache"))
    run = RunDirectory(whitened.config.with_suffix(""))
    assert command("eval", run.path, "--split", "valid", "-q").code == 0
    return formats_of_runs(run, whitened.config.with_name("everything.yaml"), cache.set_folder("toy") / MANIFEST_NAME)


@pytest.fixture
def of_sets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return formats_of_sets(tmp_path / "sets")


@pytest.mark.filterwarnings("ignore")  # Pillow and zipfile mention what they see
@pytest.mark.parametrize("kind", [*SETS, *PICTURES])
def test_damaged_file_of_a_set_is_read_whole_or_refused_by_name(of_sets, kind):
    assert fuzz(of_sets[kind], FEW, SEED).refused > (0 if kind in PICTURES else FEW // 10)


def test_damaged_file_of_a_run_is_read_whole_or_refused_by_name(of_run):
    assert sorted(of_run) == sorted(RUNS)
    for kind, format_ in of_run.items():
        counts = fuzz(format_, FEW, SEED)
        assert counts.refused > FEW // 10 or kind == "evaluation", kind


@pytest.mark.fuzz
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [*SETS, *PICTURES])
def test_many_damaged_files_of_sets(of_sets, kind, record_property):
    record_property("counts", str(fuzz(of_sets[kind], MANY, SEED)))


@pytest.mark.fuzz
@pytest.mark.parametrize("kind", RUNS)
def test_many_damaged_files_of_runs(of_run, kind, record_property):
    record_property("counts", str(fuzz(of_run[kind], MANY, SEED)))
