"""The whole benchmark: which contenders there are for what, in which order they are measured."""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from benchmarks import busy, startup, whole_processes
from benchmarks.measure import Outcome, measure, this_python
from benchmarks.results import Results
from benchmarks.row import Row, row_of
from benchmarks.workloads import BUSY, BUSY_GOAL, CHAINS, ELASTIC, FITTED, HIDDEN, QUICK, STEPS, Workload
from mnistnn.backend.arrays import Device, device_name
from mnistnn.backend.machine import usable_cores
from mnistnn.data.datasets.cache import set_folder
from mnistnn.data.splits import ensure_available
from mnistnn.errors import DataError
from mnistnn.run.provenance import describe_environment

_PROCESS_ROUNDS, _START_ROUNDS = 3, 9
# Multiply-adds of a forward pass up to which JAX is tried on one core as well.
_SMALL = 20_000_000


@dataclass(frozen=True)
class Options:
    """What to measure.

    threads  at most; None for one on each core
    peers    the Python of the peers' environment
    rounds   turns of each contender
    sections those to be measured; all if none is named
    """

    device: Device = "cpu"
    quick: bool = False
    threads: int | None = None
    peers: Path | None = None
    rounds: int = 8
    sections: Sequence[str] = ()

    def wants(self, section: str) -> bool:
        """Tell whether a section is to be measured."""
        return not self.sections or section in self.sections


class Suite:
    """Measures one thing after the other. `note` is told what begins; `warn`, what is left out."""

    def __init__(self, options: Options, note: Callable[[str], None], warn: Callable[[str], None]) -> None:
        self.options, self.note, self.warn = options, note, warn
        self.threads = options.threads or usable_cores()
        self.rounds = max(2, options.rounds // 2) if options.quick else options.rounds

    def run(self) -> Results:
        options = self.options
        with pinned(self.threads) as cores:
            name = device_name(options.device)  # first: without a device there is nothing to do
            where = f"cores {', '.join(map(str, cores))}" if cores else "any cores"
            self.note(f"at most {self.threads} threads, on {where}")
            steps = ([STEPS[i] for i in QUICK] if options.quick else STEPS) if options.wants("steps") else ()
            rows = [self._workload(workload, self.step_kinds(workload), "steps") for workload in steps]
            if options.device == "cpu":
                rbms = (CHAINS[:1] if options.quick else CHAINS) if options.wants("chains") else ()
                rows += [self._workload(rbm, self.chain_kinds(rbm), "chains") for rbm in rbms]
                if not options.quick and options.wants("busy"):
                    rows += self._busy()
                if options.wants("elastic"):
                    rows.append(self._workload(ELASTIC, self._elastic_kinds(), "elastic"))
                rows += self._of_digits()
            environment = describe_environment(options.device, name, self.threads, {})
        return Results(environment | {"pinned_cores": cores}, [row for row in rows if row is not None])

    def step_kinds(self, workload: Workload) -> list[tuple[str, Path]]:
        """Return the contenders for a training step, each with its Python."""
        ours, peers = this_python(), self.options.peers
        on_gpu = self.options.device == "cuda"
        kinds = [(kind, ours) for kind in (("ours", "limit") if on_gpu else ("ours", "ours-numpy", "limit"))]
        if peers is None:
            return kinds
        names = ["torch-eager"]
        if on_gpu:
            return [*kinds, *((name, peers) for name in (*names, "torch-graph"))]
        if workload.is_recurrent:  # PyTorch's LSTM is one operator: there is nothing in it to be compiled
            return [*kinds, *((name, peers) for name in names)]
        if workload.is_convolutional:
            names.append("torch-last")
        elif len(workload.sizes) > 2:
            names.append("sklearn")
        if not self.options.quick:  # to compile takes longer than the timing
            names += ["torch-compiled", "jax"]
            if not workload.is_convolutional and workload.multiply_adds <= _SMALL:
                names.append("jax-one")
        return [*kinds, *((name, peers) for name in names)]

    def chain_kinds(self, workload: Workload) -> list[tuple[str, Path]]:
        """Return the contenders for an update of a restricted Boltzmann machine, each with its Python."""
        kinds, peers = [(kind, this_python()) for kind in ("ours", "limit")], self.options.peers
        if peers is None:
            return kinds
        names = ["torch-eager"]
        if workload.gibbs == 1 and workload.particles == workload.batch:
            names.append("sklearn")
        if not self.options.quick:
            names.append("torch-compiled")
        return [*kinds, *((name, peers) for name in names)]

    def _elastic_kinds(self) -> list[tuple[str, Path]]:
        return [("ours", this_python()), ("scipy", self.options.peers or this_python())]

    def _fitted_kinds(self) -> list[tuple[str, Path]]:
        return [("ours", this_python()), ("sklearn", self.options.peers or this_python())]

    def _workload(
        self, workload: Workload, kinds: list[tuple[str, Path]], section: str, base: str = "limit"
    ) -> Row | None:
        self.note(workload.name)
        outcome: Outcome = measure(workload, kinds, self.threads, self.rounds, self.options.device)
        self._leave_out(outcome.failures)
        if all(found.kind != "ours" for found in outcome.measured):
            return None
        self.note("  " + ", ".join(f"{found.kind} {1e3 * found.median:.3g} ms" for found in outcome.measured))
        return row_of(workload, outcome, section, self.options.device, base)

    def _busy(self) -> Iterator[Row | None]:
        """Measure training beside other processes."""
        peers = self.options.peers
        kinds = [(kind, this_python()) for kind in ("ours", *busy.FIXED)]
        kinds += [] if peers is None else [(kind, peers) for kind in busy.PEERS]
        for number, count in itertools.product(BUSY, busy.COMPETITORS):
            workload = busy.workload_beside(STEPS[number], count)
            self.note(workload.name)
            before = busy.load()
            with busy.competitors(count):
                outcome = measure(workload, kinds, self.threads, max(2, self.rounds // 2), self.options.device)
            self._leave_out(outcome.failures)
            row = busy.row_beside(workload, outcome, BUSY_GOAL, (before, busy.load()))
            self.note("  " + ", ".join(f"{found.kind} {1e3 * found.median:.3g} ms" for found in outcome.measured))
            yield row

    def _of_digits(self) -> list[Row | None]:
        """Measure what needs the real digits."""
        try:
            ensure_available("mnist", progress=True)
        except DataError as error:
            self._leave_out([f"start-up, whole processes, training on bent images: {error}"])
            return []
        rows: list[Row | None] = []
        version, wants, is_quick = f"NumPy {metadata.version('numpy')}", self.options.wants, self.options.quick
        if wants("elastic") and not is_quick:
            kinds = [("ours", this_python()), ("ours-plain", this_python())]
            rows.append(self._workload(HIDDEN, kinds, "elastic", base="ours-plain"))
        if wants("fitted") and not is_quick:
            folder = str(set_folder("mnist"))
            rows += [
                self._workload(replace(each, folder=folder), self._fitted_kinds(), "fitted", base="") for each in FITTED
            ]
        if wants("start-up"):
            self.note("start-up and memory")
            rows += startup.rows(self.threads, self.rounds if is_quick else _START_ROUNDS, version)
        if wants("processes") and not is_quick:
            for what in whole_processes.WHOLE_PROCESSES:
                self.note(f"whole process: {what.name}")
                row, failures = whole_processes.row(
                    what, self.options.peers, version, set_folder("mnist"), self.threads, _PROCESS_ROUNDS
                )
                self._leave_out(failures)
                rows.append(row)
        return rows

    def _leave_out(self, failures: list[str]) -> None:
        for failure in failures:
            self.warn(f"left out: {failure}")


@contextmanager
def pinned(threads: int) -> Iterator[list[int]]:
    """Let this process, and those that it starts, use as many cores as threads; yield their numbers.

    Some libraries take as many threads as there are cores. Empty where cores cannot be chosen.
    """
    try:
        before = os.sched_getaffinity(0)
    except AttributeError:  # not on macOS
        yield []
        return
    cores = sorted(before)[:threads]
    os.sched_setaffinity(0, cores)
    try:
        yield cores
    finally:
        os.sched_setaffinity(0, before)
