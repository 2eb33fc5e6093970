"""Verifying a run: all checks, in an order in which each can lean on those before it. Nothing is ever written.

What this finds: every file that is missing, torn, altered, renamed or swapped, as far as anything in the run tells what
it was. What it cannot find: changes to log.txt, which is text for people, to the seconds in timing.jsonl, and to the
times and names in the test-access log, whose entries are counted only. progress.json may be there or not, and say
anything.
"""

from dataclasses import replace

from mnistnn.analysis.verification import checkpoints, description, evaluations, members, metrics, phases
from mnistnn.analysis.verification.inventory import Inventory
from mnistnn.analysis.verification.report import Findings, Report
from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory

# A run that ended like this was saved last, so nothing in it is behind anything else.
_SETTLED = ("finished", "stopped", "interrupted")
_LOOKS = 3
_LOCK = ".mnistnn-lock"
_KNOWN = {
    *("run.json", "config.yaml", "environment.json", "metrics.jsonl", "timing.jsonl"),
    *("log.txt", "progress.json", _LOCK),
}


def verify(run: RunDirectory) -> Report:
    """Check everything about a run that can be checked. Raises nothing: what is wrong is in the report.

    Of a run that is being trained, files change while they are looked at. What is a problem then is looked at again,
    and stays one if it was there each time.
    """
    report = _look(run)
    for _ in range(_LOOKS - 1):
        if not report.is_in_use or not report.problems:
            break
        again = _look(run)
        lasting = [each for each in again.findings if each.verdict != "problem" or each in report.findings]
        report = replace(again, findings=lasting)
    return report


def _look(run: RunDirectory) -> Report:
    findings = Findings(run.path)
    inventory = Inventory(findings)
    is_in_use = _is_in_use(run, inventory)
    record = description.check_record(run, inventory, findings)
    loaded = description.check_config(run, inventory, record, findings)
    environment = description.check_environment(run, inventory, record, findings)
    description.check_sources(run, inventory, environment, findings)
    whole = loaded is not None and description.check_transforms(run, inventory, loaded, findings)
    states = checkpoints.check_checkpoints(run, inventory, record, loaded if whole else None, findings)
    is_in_use = is_in_use or _is_in_use(run, inventory)
    is_settled = record is not None and record.status in _SETTLED and not is_in_use
    if loaded is not None and record is not None:
        saved = {state.config_hash for state in states.values()}
        description.check_config_digest(loaded, record, is_in_use, saved, findings)
        checkpoints.check_number(inventory, states, loaded.experiment, record, findings)
    lacks_rightly = phases.may_have_saved_nothing(inventory, loaded, record)
    if is_settled and not states and not lacks_rightly and not findings.speaks_against("checkpoints"):
        findings.problem("checkpoints", "no checkpoint that can be used")
    checkpoints.check_best(run, inventory, states, is_settled, findings)
    experiment = None if loaded is None else loaded.experiment
    rows = metrics.check_metrics(run, inventory, record, states, is_settled, experiment, findings)
    metrics.check_timing(run, inventory, record, rows, findings)
    evaluations.check_evaluations(run, inventory, record, findings)
    if loaded is not None:
        phases.check_phases(run, inventory, loaded, bool(states), findings, verify)
        count = len(loaded.resolved["model"].get("members", ()))
        members.check_members(run, inventory, count, len(rows or ()), findings, verify)
    if states and inventory.has("log.txt"):
        findings.ok("log.txt")
    for file in sorted(file for file in inventory.files if "/" not in file and file not in _KNOWN):
        findings.note(file, "no part of the run")
    return Report(run.path, "unreadable" if record is None else record.status, is_in_use, findings.found)


def _is_in_use(run: RunDirectory, inventory: Inventory) -> bool:
    return _LOCK in inventory.files and lock.is_held(run)
