"""The number of workers follows what updates cost, on a clock of the test's."""

import random
from collections.abc import Callable

import pytest

from mnistnn.backend import worker_choice
from mnistnn.backend.worker_choice import WorkerChoice, levels
from mnistnn.backend.workers import Workers

Cost = Callable[[int, float], float]  # seconds of an update, by how many take part and the time


class Machine:
    """Does updates that take as long as a function says."""

    def __init__(self, most: int, cost: Cost, begin: int = 1) -> None:
        self.now_s, self.updates, self.cost = 0.0, 0, cost
        self.workers = Workers(most)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(worker_choice, "free_cores", lambda: begin)
            self.choice = WorkerChoice(self.workers, lambda: self.now_s)

    def run(self, seconds: float, work: int = 20, asks: bool = True) -> dict[int, float]:
        """Return the seconds spent with each number of workers."""
        before, end_s = dict(self.workers.seconds), self.now_s + seconds
        while self.now_s < end_s:
            self.choice.begin()
            self.workers.calls += asks
            self.now_s += work / 20 * self.cost(self.workers.taking_part, self.now_s)
            self.choice.end(work)
            self.updates += 1
        return {count: total - before.get(count, 0.0) for count, total in self.workers.seconds.items()}


@pytest.mark.parametrize(
    ("most", "expected"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (8, [1, 2, 4, 8]), (6, [1, 2, 4, 6])]
)
def test_levels_double_up_to_the_most(most, expected):
    assert levels(most) == expected


@pytest.mark.parametrize("begin", [1, 2, 8])
def test_it_begins_with_the_cores_that_are_free(begin):
    assert Machine(4, lambda count, now: 1e-3, begin).workers.taking_part == min(begin, 4)


@pytest.mark.parametrize("begin", [1, 2])
@pytest.mark.parametrize(("of_one", "of_two", "best"), [(4e-4, 2.5e-4, 2), (4e-4, 2e-3, 1), (0.5, 0.3, 2)])
def test_the_cheaper_number_is_found_and_kept(of_one, of_two, best, begin):
    machine = Machine(2, lambda count, now: of_one if count == 1 else of_two, begin)
    machine.run(max(0.1, 10 * of_one))
    spent = machine.run(20 * max(1.0, of_one))
    assert spent[best] > 0.75 * sum(spent.values())


def test_it_climbs_to_many_cores_within_a_second():
    machine = Machine(16, lambda count, now: 1e-3 / count)
    machine.run(1.0)
    assert machine.workers.taking_part == 16


def test_number_in_the_middle_is_found():
    machine = Machine(16, lambda count, now: 1e-3 * abs(count - 4.2) + 1e-4, begin=16)
    machine.run(1.0)
    spent = machine.run(10.0)
    assert spent[4] > 0.8 * sum(spent.values())


def test_it_follows_a_machine_that_gets_other_work_and_loses_it():
    def cost(count: int, now_s: float) -> float:
        is_busy = 10.0 < now_s < 20.0
        return 4e-4 if count == 1 else 3e-3 if is_busy else 2.5e-4

    machine = Machine(2, cost)
    for seconds, best in ((10.0, 2), (10.0, 1), (10.0, 2)):
        machine.run(2.5)
        spent = machine.run(seconds - 2.5)
        assert spent[best] > 0.75 * sum(spent.values())


def test_noise_costs_little():
    """Two workers wait, now and then, for a core: they are as good as one, or better by a tenth, in the mean."""
    rng = random.Random(0)

    def cost(count: int, now_s: float) -> float:
        return 4e-4 if count == 1 else 2.6e-4 + (4e-3 if rng.random() < 0.025 else 0.0)

    machine = Machine(2, cost)
    machine.run(60.0)
    assert 60.0 / machine.updates < 1.05 * 3.6e-4


def test_cost_is_of_an_example_so_that_a_short_batch_does_not_mislead():
    machine = Machine(2, lambda count, now: 1e-3 if count == 1 else 0.8e-3)
    for _ in range(200):
        machine.run(0.05)
        machine.run(0.0001, work=1)
    assert machine.workers.taking_part == 2


def test_where_nothing_is_for_several_nothing_is_tried():
    machine = Machine(2, lambda count, now: 1e-4, begin=1)
    assert machine.run(10.0, asks=False) == {1: pytest.approx(10.0, rel=0.01)}
