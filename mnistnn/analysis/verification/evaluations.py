"""The evaluations that are kept under eval/, and the ledger that counts the readings of the test split."""

import re
from typing import Any

import numpy as np

from mnistnn.analysis.evaluation import likelihood, reconstruction, regression
from mnistnn.analysis.evaluation.classification import Evaluation, counted, file_name, read_evaluation
from mnistnn.analysis.evaluation.likelihood import Likelihood
from mnistnn.analysis.evaluation.results import Files
from mnistnn.analysis.evaluation.test_reads import LEDGER
from mnistnn.analysis.verification.inventory import Inventory
from mnistnn.analysis.verification.report import Findings
from mnistnn.errors import RunError
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import RunRecord
from mnistnn.storage.reading import MAX_JSON_BYTES, read_file
from mnistnn.storage.strict_json import parse

_FOLDER = "eval"
_NAME = re.compile(r"(train|valid|test)-.+\.json")
_ENTRY = {"time", "checkpoint", "file", "epoch"}
_MOST = 1 << 40
_TOLERANCE = 1e-12  # of figures that another machine may have rounded otherwise
_OF_OTHER_MODELS: tuple[Files[Any], ...] = (likelihood.FILES, reconstruction.FILES, regression.FILES)
_NATS = 1e-6  # of log-likelihoods, which are differences of large numbers


def check_evaluations(run: RunDirectory, inventory: Inventory, record: RunRecord | None, findings: Findings) -> None:
    """Check that every evaluation is whole, and that its figures follow from its confusion matrix."""
    readings = 0
    for name in inventory.names_in(_FOLDER):
        file = f"{_FOLDER}/{name}"
        if name == LEDGER:
            continue
        if files := next((files for files in _OF_OTHER_MODELS if files.has(name)), None):
            readings = max(readings, _check_measured(run, file, name, files, record, findings))
            continue
        if not _NAME.fullmatch(name):
            findings.note(file, "no part of the run")
            continue
        try:
            evaluation = read_evaluation(run.evaluations / name)
        except RunError as error:
            findings.problem(file, error)
            continue
        _check_figures(file, evaluation, findings)
        if name != file_name(evaluation):
            findings.problem(file, f"holds what belongs into {file_name(evaluation)}")
        if record is not None and evaluation.run != record.id:
            findings.problem(file, f"is an evaluation of the run {evaluation.run[:80]!r}, not of {record.id}")
        readings = max(readings, evaluation.test_readings)
        findings.ok(file)
    _check_ledger(run, inventory, readings, findings)


def _check_measured(
    run: RunDirectory, file: str, name: str, files: Files[Any], record: RunRecord | None, findings: Findings
) -> int:
    """Check a measurement of a model that reads no digits; return the readings that it counts."""
    try:
        found = files.parse(read_file(run.evaluations / name, MAX_JSON_BYTES), file)
    except RunError as error:
        findings.problem(file, error)
        return 0
    if isinstance(found, Likelihood):
        _check_interval(file, found, findings)
    if name != files.name(found):
        findings.problem(file, f"holds what belongs into {files.name(found)}")
    if record is not None and found.run != record.id:
        findings.problem(file, f"is a measurement of the run {found.run[:80]!r}, not of {record.id}")
    findings.ok(file)
    return int(found.test_readings)


def _check_interval(file: str, found: Likelihood, findings: Findings) -> None:
    ends = (found.partition.low, found.partition.high)
    expected = [None if end is None else found.log_likelihood + found.partition.value - end for end in reversed(ends)]
    for given, end in zip((found.log_likelihood_low, found.log_likelihood_high), expected, strict=True):
        if (given is None) != (end is None) or (given is not None and end is not None and abs(given - end) > _NATS):
            findings.problem(file, "its interval does not follow from that of log Z")
            break


def _check_figures(file: str, evaluation: Evaluation, findings: Findings) -> None:
    confusion = evaluation.confusion
    k = len(confusion)
    counts = [count for row in confusion for count in row]
    if any(len(row) != k for row in confusion) or not any(counts) or not 0 <= min(counts) <= max(counts) < _MOST:
        findings.problem(file, "its confusion matrix is none")
        return
    for key, expected in counted(np.array(confusion, dtype=np.int64)).items():
        found = getattr(evaluation, key)
        if not _agree(found, expected):
            findings.problem(file, f"its {key} does not follow from its confusion matrix")


def _agree(found: object, expected: object) -> bool:
    if isinstance(found, list | tuple) and isinstance(expected, list | tuple):
        return len(found) == len(expected) and all(map(_agree, found, expected))
    if isinstance(found, float) and isinstance(expected, float):
        return abs(found - expected) <= _TOLERANCE
    return found == expected


def _check_ledger(run: RunDirectory, inventory: Inventory, readings: int, findings: Findings) -> None:
    """Check that the ledger has an entry for each reading that an evaluation counts."""
    file = f"{_FOLDER}/{LEDGER}"
    if file not in inventory.files and not readings:
        return
    if not inventory.has(file):
        return
    try:
        content = read_file(run.evaluations / LEDGER)
    except RunError as error:
        findings.problem(file, error)
        return
    *lines, torn = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not _is_entry(line):
            findings.problem(file, f"line {number}: not the entry of a reading")
    if torn:
        findings.note(file, "a last line without an end, of an evaluation that was cut off; the next one removes it")
    if len(lines) < readings:
        findings.problem(file, f"{len(lines)} entries, but an evaluation counts {readings} readings")
    elif len(lines) > readings:
        findings.note(file, f"{len(lines)} readings, of which only {readings} led to an evaluation")
    findings.ok(file, f"{len(lines)} readings of the test split")


def _is_entry(line: bytes) -> bool:
    try:
        entry = parse(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(entry, dict) and entry.keys() == _ENTRY
