"""`inspect stumps`: what a boosted classifier has chosen."""

import json
from pathlib import Path

import numpy as np
import pytest

from mnistnn.experiment.trained import load_trained


@pytest.fixture
def run(fitted_run):
    return fitted_run("stumps")


def shown(command, *options):
    done = command("inspect", "stumps", "run", *options)
    assert (done.code, done.err) == (0, ""), done.err
    return done.out


def test_rounds_are_those_of_the_model(run, command):
    found = json.loads(shown(command, "--rounds", "1,3", "--json"))["rounds"]
    arrays = load_trained(run).task.boosted_stumps.arrays()
    assert [each["round"] for each in found] == [1, 3]
    for each in found:
        at = each["round"] - 1
        assert each["alpha"] == arrays["alpha"][at]
        assert each["energy"] == arrays["energy"][at]
        assert each["votes"] == arrays["votes"][at].tolist()


def test_stumps_as_they_are_said_give_the_scores_of_the_model(run, command):
    """Sums of rectangles of the images, compared with the thresholds, voted: nothing but what is printed."""
    trained = load_trained(run)
    x, _ = trained.first("valid", 60)
    with trained.computing():
        expected = trained.task.scores(x)
    count = trained.task.rounds_done
    rounds = json.loads(shown(command, "--rounds", f"1..{count}", "--json"))["rounds"]
    sums = np.zeros(expected.shape)
    for each in rounds:
        phi = np.ones(len(x))
        for stump in each["stumps"]:
            value = sum(
                r["sign"] * x[:, r["top"] : r["top"] + r["height"], r["left"] : r["left"] + r["width"]].sum(axis=(1, 2))
                for r in stump["rectangles"]
            )
            phi *= np.where(value > stump["threshold"], 1, -1)
        sums += each["alpha"] * np.outer(phi, each["votes"])
    scale = np.abs(expected).max() / np.abs(sums).max()
    np.testing.assert_allclose(scale * sums, expected, rtol=1e-4, atol=1e-5)


def test_lines_say_who_is_voted_for_and_what_is_compared(run, command):
    (first,) = json.loads(shown(command, "--rounds", "1..1", "--json"))["rounds"]
    title, line, *stumps = shown(command, "--count", "1").splitlines()
    assert "checkpoint best: " in title
    chosen = " ".join(str(label) for label, vote in enumerate(first["votes"]) if vote > 0)
    assert line.startswith(f"round 1: alpha {first['alpha']:.4f}, loss × {first['energy']:.4f}, for {chosen or 'none'}")
    assert len(stumps) == len(first["stumps"])
    rectangle = first["stumps"][0]["rectangles"][0]
    assert f"{rectangle['height']}×{rectangle['width']} at ({rectangle['top']}, {rectangle['left']})" in stumps[0]


def test_pictures_are_drawn(run, command):
    assert command("inspect", "stumps", "run", "--out", "a.png", "-q").code == 0
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("rounds", ["0..3", "5,13"])
def test_rounds_that_there_are_not_are_refused(run, command, rounds):
    done = command("inspect", "stumps", "run", "--rounds", rounds)
    assert (done.code, done.out) == (2, "")
    assert "there are the rounds 1 to " in done.err
