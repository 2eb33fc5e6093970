"""metrics.jsonl and timing.jsonl: each evaluation once, in order, whole up to where the checkpoints say."""

import hashlib
from itertools import pairwise

from mnistnn.analysis.verification.inventory import Inventory
from mnistnn.analysis.verification.report import Findings
from mnistnn.config.schema import AnyExperiment
from mnistnn.errors import RunError
from mnistnn.experiment.pace import needs_epochs
from mnistnn.run.checkpoint import path_for
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import parse_rows
from mnistnn.run.record import RunRecord
from mnistnn.run.state import SavedState
from mnistnn.stopping.limits import shortest_interval
from mnistnn.storage.reading import read_own_file
from mnistnn.types import LAST, History, Row, best_row

_METRICS, _TIMING = "metrics.jsonl", "timing.jsonl"
_RISING = ("epoch", "updates", "examples")


def check_metrics(
    run: RunDirectory,
    inventory: Inventory,
    record: RunRecord | None,
    states: dict[str, SavedState],
    is_settled: bool,
    experiment: AnyExperiment | None,
    findings: Findings,
) -> History | None:
    """Check metrics.jsonl against itself, every checkpoint and run.json; return its rows if it can be read.

    What the newest checkpoint names is promised. Rows after it belong to a run that was killed, or is being trained;
    a resume cuts them off.
    """
    if not states and _METRICS not in inventory.files:
        return None  # nothing was saved yet, so nothing was evaluated
    if not inventory.has(_METRICS):
        return None
    try:
        content = read_own_file(run.metrics)
    except RunError as error:
        findings.problem(_METRICS, error)
        return None
    newest = next(iter(states.values()), None)
    committed = len(content) if is_settled else 0 if newest is None else newest.metrics.bytes
    for name, state in states.items():
        _check_prefix(content, name, state, findings)
    part = content[:committed]
    try:
        rows = parse_rows(part, run.metrics)
    except RunError as error:
        findings.problem(_METRICS, error)
        return None
    if part and not part.endswith(b"\n"):
        findings.problem(_METRICS, "the last line has no end")
    if _are_in_order(rows, findings) and (lost := _lost(rows, record, experiment)):
        findings.problem(_METRICS, f"the row of {lost} is missing")
    if newest is not None:
        _check_end(run, content, rows, states, is_settled, findings)
    if record is not None and not findings.speaks_against(_METRICS):
        _check_best_rows(rows, record, states, content, is_settled, findings)
    findings.ok(_METRICS, f"{len(rows)} rows")
    return rows


def check_timing(
    run: RunDirectory, inventory: Inventory, record: RunRecord | None, rows: History | None, findings: Findings
) -> None:
    """Check timing.jsonl: a row for each evaluation. A resumed run may have measured one more than once."""
    if not rows and _TIMING not in inventory.files:
        return
    if not inventory.has(_TIMING):
        return
    try:
        content = read_own_file(run.timing)
        timed = parse_rows(content[: content.rfind(b"\n") + 1], run.timing)
    except RunError as error:
        findings.problem(_TIMING, error)
        return
    for number, row in enumerate(timed, start=1):
        if row.keys() - {"threads"} != {"epoch", "seconds", "examples"} or min(row.values()) < 0:
            findings.problem(_TIMING, f"line {number}: not the time of an evaluation")
    expected, found = [row["epoch"] for row in rows or ()], [row["epoch"] for row in timed]
    lost = [epoch for epoch in expected if epoch not in found]
    if lost:
        findings.problem(_TIMING, f"the row of epoch {lost[0]:g} is missing")
    elif record is not None and not record.resumed and found[: len(expected)] != expected:
        findings.problem(_TIMING, "its rows are not those of metrics.jsonl")
    elif record is not None and record.status == "finished" and not record.resumed and len(found) > len(expected):
        findings.problem(_TIMING, f"{len(found)} rows for {len(expected)} evaluations")
    findings.ok(_TIMING, f"{len(timed)} rows")


def _check_prefix(content: bytes, name: str, state: SavedState, findings: Findings) -> None:
    length = state.metrics.bytes
    if len(content) < length:
        findings.problem(_METRICS, f"{len(content)} bytes, but {name} was saved at {length}")
    elif hashlib.sha256(content[:length]).hexdigest() != state.metrics.sha256:
        findings.problem(_METRICS, f"altered: its first {length} bytes are not those that {name} was saved with")


def _are_in_order(rows: History, findings: Findings) -> bool:
    """Check that rows follow each other, with the same metrics; return whether they do."""
    for number, (before, row) in enumerate(pairwise(rows), start=2):
        if row.keys() != before.keys():
            findings.problem(_METRICS, f"line {number}: not the metrics of the line before it")
            return False
        for key in _RISING:
            if row.get(key, 0) <= before.get(key, -1):
                findings.problem(_METRICS, f"line {number}: {key} {row.get(key)} after {before.get(key)}")
                return False
    return True


def _lost(rows: History, record: RunRecord | None, experiment: AnyExperiment | None) -> str | None:
    """Name the first evaluation that must have been made and has no row: of an epoch, or of an update where a stopping
    policy has them made instead. Rounds of a fitted model may be evaluated seldom, at equal intervals, as long as a run
    goes on without a break.
    """
    if not rows:
        return None
    is_fitted = experiment is not None and experiment.optimizer is None
    may_have_changed = record is None or record.resumed  # a resume may change policies
    if may_have_changed and (is_fitted or rows[0]["epoch"] % 1):
        return None
    every = None if experiment is None or is_fitted else _updates_apart(rows, experiment)
    key, apart = ("epoch", int(rows[0]["epoch"]) if is_fitted else 1) if every is None else ("updates", every)
    present = {row[key] for row in rows}
    expected = range(apart, int(rows[-1][key]) + 1, max(apart, 1))
    lost = next((place for place in expected if place not in present), None)
    return None if lost is None else f"{'epoch' if every is None else 'update'} {lost}"


def _updates_apart(rows: History, experiment: AnyExperiment) -> int | None:
    """Return the updates between two evaluations of an experiment without any after epochs; None if it has those."""
    apart = shortest_interval(experiment.stopping)
    if apart is None or needs_epochs(experiment):
        return None
    last = rows[-1]
    return apart if apart * last["epoch"] < last["updates"] else None


def _check_end(
    run: RunDirectory,
    content: bytes,
    rows: History,
    states: dict[str, SavedState],
    is_settled: bool,
    findings: Findings,
) -> None:
    name, newest = next(iter(states.items()))
    beyond = len(content) - newest.metrics.bytes
    if beyond > 0 and is_settled:
        last = int(rows[-1].get("updates", 0)) if rows else 0
        lost = path_for(run.path, last).name
        if last > newest.progress.updates and not findings.speaks_against(f"checkpoints/{lost}"):
            findings.problem(f"checkpoints/{lost}", "missing: the last rows of metrics.jsonl were saved with it")
        elif last <= newest.progress.updates:
            findings.problem(_METRICS, f"{beyond} bytes follow after those that {name} was saved with")
    elif beyond > 0:
        findings.note(_METRICS, f"{beyond} bytes after the newest checkpoint, which a resume would cut off")


def _check_best_rows(
    rows: History,
    record: RunRecord,
    states: dict[str, SavedState],
    content: bytes,
    is_settled: bool,
    findings: Findings,
) -> None:
    """Check that checkpoints and, once the run has ended, run.json name the best row as the best."""
    for name, state in states.items():
        seen = rows[: content[: state.metrics.bytes].count(b"\n")]
        if _best(seen, record.monitor) != state.best:
            findings.problem(f"checkpoints/{name}", "its best evaluation is not the best row of metrics.jsonl")
    best = _best(rows, record.monitor)
    if is_settled and (record.best != best or record.best_epoch != (None if best is None else best["epoch"])):
        findings.problem("run.json", "its best evaluation is not the best row of metrics.jsonl")


def _best(rows: History, monitor: str) -> Row | None:
    if monitor != LAST and any(monitor not in row for row in rows):
        return None
    index = best_row(rows, monitor)
    return None if index is None else rows[index]
