"""Models that are fitted in rounds, killed by SIGKILL in the middle and resumed: the same bits as one left alone.

So is an evaluation that takes long: what it had computed is kept, and the rest is the same.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mnistnn.experiment.trained import load_trained
from mnistnn.models.fitted.neighbours.nearest_neighbours import NearestNeighbours
from mnistnn.run.checkpoint import newest_first, read
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows
from tests.runner.test_kill_and_resume import ROOT, forked, wait_for  # noqa: F401 # a fixture

HEAD = "name: {name}\ndata: {{dataset: toy, validation_examples: 60}}\nmodel: {model}\n"
# Each takes a second or more, and is saved after many of its rounds.
SLOW = {
    "svm": (
        "{type: svm, C: 2, tolerance: 1.0e-6, kernel: {type: polynomial, degree: 7, scale: 0.5, unit_norm: true}, "
        "virtual_shifts_px: [1, 2, 3]}",
        "evaluation: {every_updates: 1}\n",
        2,
    ),
    "stumps": (
        "{type: boosted_stumps, max_rounds: 1500, features: {type: haar, drawn: 20}, sample: 100}",
        "checkpoint: {every_epochs: 20}\n",
        200,
    ),
}


def tensors(path: str) -> dict[str, bytes]:
    newest = newest_first(Path(path, "checkpoints"))[0]
    return {name: tensor.tobytes() for name, tensor in read(newest).tensors.items()}


@pytest.mark.parametrize("kind", SLOW)
def test_rounds_that_were_killed_go_on_with_the_same_bits(kind, toy, start, command, request):
    model, more, rounds = SLOW[kind]
    path = toy.with_name("slow.yaml")
    path.write_text(HEAD.format(name="slow", model=model) + more)
    start(path, path="reference")
    process = request.getfixturevalue("forked")("train", path, "--run-dir", "run", "-q")

    def is_far_enough():
        return Path("run/run.json").exists() and any(
            int(file.stem[5:]) >= rounds for file in newest_first(Path("run/checkpoints"))
        )

    wait_for(is_far_enough, process)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    done = int(newest_first(Path("run/checkpoints"))[0].stem[5:])
    assert rounds <= done < read_rows(Path("reference/metrics.jsonl"))[-1]["updates"]
    assert command("resume", "run", "-q").code == 0
    assert tensors("run") == tensors("reference")
    assert Path("run/metrics.jsonl").read_bytes() == Path("reference/metrics.jsonl").read_bytes()


# `mnistnn` in a process whose evaluations take long and are kept after each block of 5 examples.
_SLOWED = """\
import sys, time
from mnistnn.storage import partial_scores
from mnistnn.models.fitted.neighbours.nearest_neighbours import NearestNeighbours
partial_scores.EVERY_S = 0.0
scores = NearestNeighbours.scores
def slow(self, x):
    time.sleep(0.25)
    return scores(self, x)
NearestNeighbours.scores = slow
from mnistnn.__main__ import main
sys.argv = ["mnistnn", *sys.argv[1:]]
main()
"""


def killed_while_evaluating(*arguments: str, kept: str) -> int:
    """Run a command and kill it once it has kept some blocks of an evaluation; return how many examples these are."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SLOWED, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: Path(kept).exists() and Path(kept).stat().st_size > 1000, process)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    from mnistnn.storage.sealed_tensors import unseal

    scores, _ = unseal(Path(kept), "evaluation under way", 1)
    return len(scores["scores"])


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """The sizes of the blocks of which nearest neighbours are asked from now on."""
    sizes: list[int] = []
    scores = NearestNeighbours.scores

    def counted(self, x):
        sizes.append(len(x))
        return scores(self, x)

    monkeypatch.setattr(NearestNeighbours, "scores", counted)
    return sizes


@pytest.fixture
def neighbours_in_blocks(toy) -> Path:
    path: Path = toy.with_name("blocks.yaml")
    model = (
        "{type: knn, distance: {type: idm, warp_px: 1}, "
        "preselect: [{distance: {type: euclidean}, keep: 20, agree: 10}]}"
    )
    path.write_text(HEAD.format(name="blocks", model=model) + "evaluation: {batch_size: 5}\n")
    return path


def test_evaluation_that_was_killed_goes_on_with_the_same_result(neighbours_in_blocks, start, command, asked):
    start(neighbours_in_blocks)
    whole = json.loads(command("eval", "run", "--json").out)
    done = killed_while_evaluating("eval", "run", "--json", kept="run/eval/partial-test.safetensors")
    assert 5 <= done < 80
    assert "no part of the run" not in command("verify", "run").out
    assert command("verify", "run").code == 0
    del asked[:]
    again = json.loads(command("eval", "run", "--json").out)
    assert sum(asked) == 80 - done
    assert {**again, "test_readings": 1} == {**whole, "test_readings": 1}
    assert not Path("run/eval/partial-test.safetensors").exists()


def test_validation_that_was_killed_goes_on_with_the_same_bits(neighbours_in_blocks, start, command, asked):
    start(neighbours_in_blocks, path="reference")
    kept = "run/eval/partial-valid.safetensors"
    done = killed_while_evaluating("train", str(neighbours_in_blocks), "--run-dir", "run", "-q", kept=kept)
    assert 5 <= done < 60
    del asked[:]
    assert command("resume", "run", "-q").code == 0
    assert sum(asked) == 60 - done
    assert tensors("run") == tensors("reference")
    assert Path("run/metrics.jsonl").read_bytes() == Path("reference/metrics.jsonl").read_bytes()
    assert load_trained(RunDirectory(Path("run"))).epoch == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_evaluation_that_is_told_to_end_keeps_what_it_has(
    neighbours_in_blocks, start, command, asked, monkeypatch, number
):
    start(neighbours_in_blocks)
    whole = json.loads(command("eval", "run", "--json").out)
    counted = NearestNeighbours.scores

    def told_to_end(self, x):
        if len(asked) == 7:
            signal.raise_signal(number)
        return counted(self, x)

    del asked[:]
    with monkeypatch.context() as patch:
        patch.setattr(NearestNeighbours, "scores", told_to_end)
        done = command("eval", "run", "--json")
    assert (done.code, done.out) == (128 + number, "")
    assert "the same command measures it" in done.err
    assert Path("run/eval/partial-test.safetensors").exists()
    del asked[:]
    again = json.loads(command("eval", "run", "--json").out)
    assert sum(asked) == 80 - 35
    assert (again["confusion"], again["test_readings"]) == (whole["confusion"], 2)
    assert [path.name for path in Path("run/eval").glob("partial-*")] == []
