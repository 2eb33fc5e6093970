"""Several processes stopped by a signal: at each stage, once and twice, and at any instant."""

import os
import random
import signal
import time
from itertools import count, product

import pytest

from tests.faults.stops import COMMITTEE, SIGNALS, STAGES, Work

KINDS = ("seeds", "sweep", "members")


@pytest.fixture
def work(everything, tmp_path, toy_cache):
    """Make a command of a kind; each has a folder of its own."""
    numbers = count()
    config = {"seeds": everything, "sweep": everything, "members": everything.with_name("three.yaml")}
    config["members"].write_text(COMMITTEE)

    def make(kind: str) -> Work:
        return Work(kind, config[kind], tmp_path / f"work{next(numbers)}", {"MNISTNN_DATA": str(toy_cache)})

    return make


def expected(work, kind: str) -> list[tuple[str, bytes, bytes]]:
    undisturbed: Work = work(kind)
    undisturbed.finish()
    return undisturbed.results()


def stopped(work, kind: str, stage: str, number: int, times: int) -> Work:
    """Stop a command of a kind at a stage of its workers."""
    made: Work = work(kind)
    process = made.start(made.first, stage)
    made.wait_for_stage(process)
    made.stop(process, number, times)
    return made


# Each stage, each kind, each signal, but not each with each: that is the one below.
FEW = [
    (stage, KINDS[place % 3], SIGNALS[place % 4], 1 + (place % 5 == 2)) for place, stage in enumerate(STAGES, start=1)
]


@pytest.mark.parametrize(("stage", "kind", "number", "times"), FEW)
def test_stopped_at_a_stage_all_processes_end_in_time(work, stage, kind, number, times):
    stopped(work, kind, stage, number, times)


@pytest.mark.parametrize("kind", KINDS)
def test_stopped_in_training_it_goes_on_with_the_same_bits(work, kind):
    made = stopped(work, kind, "training", signal.SIGHUP, 1)
    made.finish()
    assert made.results() == expected(work, kind)


@pytest.mark.torture
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stage", STAGES)
def test_stopped_at_each_stage_by_each_signal_once_and_twice(work, stage, kind, record_property):
    wanted, stops = expected(work, kind), 0
    for number, times in product(SIGNALS, (1, 2)):
        made = stopped(work, kind, stage, number, times)
        made.finish()
        assert made.results() == wanted
        stops += 1
    record_property("counts", f"{stops} stops; 0 violations")


@pytest.mark.torture
@pytest.mark.parametrize("kind", KINDS)
def test_stopped_at_any_instant(work, kind, record_property):
    began = time.monotonic()
    wanted, trials = expected(work, kind), int(os.environ.get("STOPS", "34"))
    undisturbed_s, ended = time.monotonic() - began, 0
    for trial in range(trials):
        draw = random.Random(trial)
        made = work(kind)
        process = made.start(made.first)
        time.sleep(draw.uniform(0.3, undisturbed_s))
        if process.poll() is None:
            made.stop(process, draw.choice(SIGNALS), draw.choice((1, 2)), draw.uniform(0.0, 2.0), any_time=True)
        else:
            out, err = process.communicate()
            assert process.returncode == 0, (out, err)
            ended += 1
        made.finish()
        assert made.results() == wanted
    record_property("counts", f"{trials} stops at any instant, {ended} of them after the end; 0 violations")
