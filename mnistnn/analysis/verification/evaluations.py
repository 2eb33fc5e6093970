"""The evaluations that are kept under eval/, and the test-access log that counts the readings of the test split."""

import re

from mnistnn.analysis.evaluation.results import file_name, read_result, read_result_elsewhere
from mnistnn.analysis.evaluation.test_access_log import TEST_ACCESS_LOG
from mnistnn.analysis.verification.inventory import ELSEWHERE, Inventory
from mnistnn.analysis.verification.report import Findings
from mnistnn.errors import RunError
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import RunRecord
from mnistnn.storage.partial_scores import PREFIX, SUFFIX
from mnistnn.storage.reading import read_own_file
from mnistnn.storage.strict_json import parse
from mnistnn.tasks.registry import RESULTS

_FOLDER = "eval"
_NAME = re.compile(rf"({'|'.join(kind.prefix for kind in RESULTS)})(train|valid|test)-.+\.json")
_PARTIAL = re.compile(rf"{PREFIX}(train|valid|test){re.escape(SUFFIX)}")
_ENTRY = {"time", "checkpoint", "file", "epoch"}


def check_evaluations(run: RunDirectory, inventory: Inventory, record: RunRecord | None, findings: Findings) -> None:
    """Check that every result is whole, belongs to the run and its file, and does not contradict itself."""
    _check_folder(run, _FOLDER, None, inventory, record, findings)
    for dataset in sorted(inventory.elsewhere):
        _check_folder(run, f"{ELSEWHERE}/{dataset}", dataset, inventory, record, findings)


def _check_folder(
    run: RunDirectory,
    folder: str,
    dataset: str | None,
    inventory: Inventory,
    record: RunRecord | None,
    findings: Findings,
) -> None:
    """Check the results in a folder: on the run's own set, or on another one, `dataset`."""
    readings = 0
    for name in inventory.names_in(folder):
        file = f"{folder}/{name}"
        if name == TEST_ACCESS_LOG or (dataset is None and file.startswith(f"{ELSEWHERE}/")):
            continue
        if dataset is None and _PARTIAL.fullmatch(name):
            findings.note(
                file, "scores of an evaluation that was cut off or is under way; the next one goes on with it"
            )
            continue
        if not _NAME.fullmatch(name):
            findings.note(file, "no part of the run")
            continue
        try:
            read = read_result if dataset is None else read_result_elsewhere
            result = read(run.path / file)
        except RunError as error:
            findings.problem(file, error)
            continue
        for problem in result.problems():
            findings.problem(file, problem)
        if name != file_name(result):
            findings.problem(file, f"holds what belongs into {file_name(result)}")
        if dataset is not None and result.dataset != dataset:
            findings.problem(file, f"is about the data set {result.dataset[:80]!r}, not {dataset}")
        if record is not None and result.run != record.id:
            findings.problem(file, f"is {result.what} of the run {result.run[:80]!r}, not of {record.id}")
        readings = max(readings, result.test_readings)
        findings.ok(file)
    _check_test_access_log(run, folder, inventory, readings, findings)


def _check_test_access_log(
    run: RunDirectory, folder: str, inventory: Inventory, readings: int, findings: Findings
) -> None:
    """Check that the test-access log has an entry for each reading that an evaluation counts."""
    file = f"{folder}/{TEST_ACCESS_LOG}"
    if file not in inventory.files and not readings:
        return
    if not inventory.has(file):
        return
    try:
        content = read_own_file(run.path / file)
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
