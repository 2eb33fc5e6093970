"""`inspect support-vectors`: what the machines of pairs of classes consist of."""

import json
from pathlib import Path

import numpy as np
import pytest

from mnistnn.experiment.trained import load_trained


@pytest.fixture
def run(fitted_run):
    return fitted_run("machines")


def shown(command, *options):
    done = command("inspect", "support-vectors", "run", *options)
    assert (done.code, done.err) == (0, ""), done.err
    return done.out


def test_every_machine_has_a_line(run, command):
    found = json.loads(shown(command, "--json"))["machines"]
    model = load_trained(run).task.support_vector_machine
    assert [tuple(each["pair"]) for each in found] == model.pairs[: model.rounds_done]
    for number, each in enumerate(found):
        supports = model.supports(number)
        assert each["vectors"] == len(supports.coefficients)
        assert each["originals"] == len(set(supports.sources[:, 0].tolist())) < each["vectors"]
        assert each["at_bound"] == sum(abs(supports.coefficients) == model.C)
        assert each["bias"] == supports.bias
    _, *lines = shown(command).splitlines()
    assert len(lines) == len(found)
    assert lines[0].startswith("0/1 ")
    assert f"{found[0]['vectors']} support vectors, copies of {found[0]['originals']} examples" in lines[0]


def test_strongest_of_a_pair_are_half_of_each_class(run, command):
    found = json.loads(shown(command, "--pair", "2,1", "--count", "6", "--json"))
    assert found["pair"] == [1, 2]
    coefficients = [each["coefficient"] for each in found["vectors"]]
    assert [np.sign(each) for each in coefficients] == [1, 1, 1, -1, -1, -1]
    assert coefficients[:3] == sorted(coefficients[:3], reverse=True)
    assert coefficients[3:] == sorted(coefficients[3:])
    assert len({each["place"] for each in found["vectors"]}) == 6
    of_pair = load_trained(run).task.support_vector_machine.supports(3)
    assert coefficients[0] == of_pair.coefficients.max()
    at = int(of_pair.coefficients.argmax())
    assert [found["vectors"][0]["place"], *found["vectors"][0]["shift_px"]] == of_pair.sources[at].tolist()


def test_vectors_are_said_with_their_shifts(run, command):
    vectors = json.loads(shown(command, "--pair", "0,3", "--json"))["vectors"]
    _, *lines = shown(command, "--pair", "0,3").splitlines()
    for line, each in zip(lines, vectors, strict=True):
        assert line.startswith(f"{each['coefficient']:+.4f}  example {each['place']}")
        assert ("shifted by" in line) == any(each["shift_px"])
    assert any("shifted by" in line for line in lines)


def test_pictures_are_drawn(run, command):
    assert command("inspect", "support-vectors", "run", "--pair", "0,1", "--out", "a.png", "-q").code == 0
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pair", "0,7"], "no machine of 0 and 7; there are 6, from 0,1 to 2,3"),
        (["--pair", "0..2"], "expected two classes such as 3,8, got 0,1,2"),
        (["--out", "a.png"], "draws the support vectors of one pair"),
    ],
)
def test_mistakes_are_refused(run, command, options, message):
    done = command("inspect", "support-vectors", "run", *options)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
