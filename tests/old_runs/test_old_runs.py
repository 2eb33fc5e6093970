"""Runs that an earlier version made are read, measured and gone on with. README.md says what they are."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

HERE = Path(__file__).parent
DIRECTORIES = HERE / "directories"
EXPECTED = json.loads((HERE / "expected.json").read_text())
FINISHED, UNFINISHED, SWEEPS = EXPECTED["finished"], EXPECTED["unfinished"], ("sweep", "half-sweep")
TRIALS = ("0000-seed0", "0001-seed0")
TRIALS_DONE = ("sweep/trials/0000-seed0", "sweep/trials/0001-seed0", "half-sweep/trials/0000-seed0")

# Last bits depend on the processor. A difference of two losses has lost some digits.
OF_A_MEASUREMENT, OF_A_TRAINING = (1e-5, 1e-12), (1e-4, 1e-5)  # relative, absolute

# The gradient of a bias before batch normalization consists of last bits, and Adam takes steps of full length along it:
# validation, by means that follow the batches, then differs by more, here by up to three images of sixty.
BY_LAST_BITS = {"stopped-cnn": (1e-2, 0.05)}


@pytest.fixture
def old(toy, command, monkeypatch) -> Callable[[str], str]:
    """Copy a directory into the working folder, where the files of its data are, and return its path there."""
    work = toy.parent
    for table in (HERE / "experiments").glob("*.csv"):
        shutil.copy(table, work)

    def copy(name: str) -> str:
        if name == "boltzmann":
            monkeypatch.setenv("MNISTNN_DATA", str(work / "cache"))  # other tests share the one that there is
            assert command("data", "fetch", "bars-and-stripes").code == 0
        shutil.copytree(DIRECTORIES / name, work / name)
        for record in [*(work / name).rglob("run.json")]:
            for folder in ("checkpoints", "eval"):  # Git keeps no folder that is empty
                (record.parent / folder).mkdir(exist_ok=True)
        return name

    return copy


@pytest.fixture
def told(command) -> Callable[..., Any]:
    """Run a command that must succeed, and return what it says in JSON."""

    def run(*arguments: object) -> Any:
        done = command(*arguments, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    return run


def assert_agrees(found: Any, expected: Any, tolerance: tuple[float, float]) -> None:
    """Compare what JSON holds: figures within a tolerance, all else, such as counts, exactly. More may be found."""
    if isinstance(expected, dict):
        assert expected.keys() <= found.keys()
        for key, value in expected.items():
            assert_agrees(found[key], value, tolerance)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_agrees(one, other, tolerance)
    elif isinstance(expected, float):
        relative, absolute = tolerance
        assert found == pytest.approx(expected, rel=relative, abs=absolute)
    else:
        assert found == expected


def rows(run: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(run, "metrics.jsonl").read_text().splitlines()]


def test_every_directory_has_expectations():
    assert {path.name for path in DIRECTORIES.iterdir()} == {*FINISHED, *UNFINISHED, *SWEEPS}


@pytest.mark.parametrize("name", [*FINISHED, *UNFINISHED, *TRIALS_DONE])
def test_run_is_whole_listed_and_shown(old, command, told, name):
    run = Path(old(name))
    assert told("verify", run)["runs"][0]["ok"]
    (listed,) = (each for each in told("ls", "--runs", run.parent)["runs"] if each["path"] == str(run))
    assert (listed["status"] == "finished") == (name not in UNFINISHED)
    assert listed["problem"] is None
    for arguments in (
        ("show", run),
        ("tail", run),
        ("inspect", "summary", run),
        ("config", "show", run / "config.yaml"),
    ):
        done = command(*arguments)
        assert done.code == 0, (arguments, done.err)


@pytest.mark.parametrize("name", [*FINISHED, *UNFINISHED])
def test_files_of_a_run_are_known(old, command, name):
    run = Path(old(name))
    names = ("run.json", "environment.json", "best.json", "*.safetensors", "metrics.jsonl", "timing.jsonl")
    files = [path for name in names for path in sorted(run.rglob(name)) if path.stat().st_size]
    done = command("inspect", *files)
    assert done.code == 0, done.out + done.err
    assert len(done.out.splitlines()) == len(files)


@pytest.mark.parametrize("name", FINISHED)
def test_finished_run_has_the_figures_of_before(old, told, command, name):
    run = old(name)
    for split, expected in FINISHED[name].items():
        found = told("eval", run, "--split", split)
        assert found.pop("test_readings") == (2 if split == "test" else 1)  # one is in the old ledger
        assert_agrees(found, {key: expected[key] for key in expected if key != "test_readings"}, OF_A_MEASUREMENT)
    assert command("verify", run).code == 0


@pytest.mark.parametrize("name", FINISHED)
def test_evaluations_of_before_are_kept_and_shown(old, command, name):
    run = old(name)
    kept = [json.loads(path.read_text()) for path in Path(run, "eval").glob("*.json")]
    for split, expected in FINISHED[name].items():
        (found,) = (each for each in kept if each["split"] == split)
        assert {key: found[key] for key in expected} == expected
    assert "\ntest " in command("show", run).out


@pytest.mark.parametrize("name", FINISHED)
def test_parameters_of_before_are_handed_on_by_their_names(old, command, name):
    run = old(name)
    assert command("export", run, "--to", "safetensors", "--out", "handed-on.safetensors").code == 0
    found = load_file("handed-on.safetensors")
    with safe_open(max(Path(run, "checkpoints").glob("step-*")), "np") as checkpoint:
        best, layout = checkpoint.get_tensor("best"), json.loads(checkpoint.metadata()["mnistnn"])["state"]["layout"]
    ends = np.cumsum([np.prod(shape) for _, shape in layout])
    for (parameter, shape), values in zip(layout, np.split(best, ends), strict=False):
        np.testing.assert_array_equal(found[parameter], values.reshape(shape))
    assert ends[-1] == best.size


@pytest.mark.parametrize("name", UNFINISHED)
def test_unfinished_run_goes_on_as_it_would_have(old, command, name):
    run = old(name)
    done = command("resume", run)
    assert done.code == 0, done.err
    assert_agrees(rows(run), UNFINISHED[name]["metrics"], BY_LAST_BITS.get(name, OF_A_TRAINING))
    assert command("verify", run).code == 0
    assert command("eval", run).code == 0


@pytest.mark.parametrize("name", ["stopped-mlp", "stopped-belief"])
def test_unfinished_run_is_found_by_its_experiment(old, command, name):
    shutil.copytree(HERE / "experiments", "experiments")
    Path("runs").mkdir()
    Path(old(name)).rename(f"runs/{name}")
    done = command("train", f"experiments/{name}.yaml", "--resume", "auto")
    assert done.code == 0, done.err
    assert [path.name for path in Path("runs").iterdir() if path.is_dir() and not path.is_symlink()] == [name]
    assert_agrees(rows(f"runs/{name}"), UNFINISHED[name]["metrics"], OF_A_TRAINING)


def test_finished_run_is_trained_anew_as_before(old, command):
    assert command("refit", old("softmax"), "-q").code == 0
    (made,) = Path("runs/softmax-refit").iterdir()
    assert_agrees(rows(str(made)), rows(old("refit")), OF_A_TRAINING)


def test_sweep_stands_as_before_and_its_choice_is_read_again(old, told):
    study = old("sweep")
    assert_agrees(told("sweep", "status", study), EXPECTED["sweep"], OF_A_TRAINING)
    chosen = json.loads(Path(study, "chosen.json").read_text())
    assert told("sweep", "best", study)["point"] == chosen["point"]


def test_sweep_does_what_is_left_of_it(old, command, told):
    study = old("half-sweep")
    assert command("sweep", "emit", study).out == f"mnistnn sweep trial {study} {TRIALS[1]}\n"
    assert command("sweep", "trial", study, TRIALS[1], "-q").code == 0
    assert_agrees(rows(f"{study}/trials/{TRIALS[1]}"), EXPECTED["trial"]["metrics"], OF_A_TRAINING)
    assert_agrees(told("sweep", "status", study), EXPECTED["sweep"], OF_A_TRAINING)


@pytest.mark.parametrize("other", ["mlp", "killed-mlp", "refit", "belief"])
def test_difference_of_two_runs_is_told(old, told, other):
    found = told("diff", old("softmax"), old(other))
    assert (found["left"], found["right"]) == ("softmax", other)
    assert "name" in [each["key"] for each in found["config"]]


def test_runs_are_compared(old, told):
    found = told("compare", *map(old, ("softmax", "pca", "streamed")))
    assert [each["label"] for each in found["experiments"]] == ["softmax", "pca", "streamed"]
    assert found["experiments"][0]["mean"] == FINISHED["softmax"]["valid"]["error"]
    assert [each["problem"] for each in found["pairs"]] == [None, None]
