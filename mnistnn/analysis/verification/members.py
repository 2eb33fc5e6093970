"""The members of a committee: the run of each, which is verified like any other."""

from collections.abc import Callable
from dataclasses import replace

from mnistnn.analysis.verification.inventory import Inventory
from mnistnn.analysis.verification.report import Findings, Report
from mnistnn.experiment.members import FOLDER, member_run
from mnistnn.run.directory import RunDirectory


def check_members(
    run: RunDirectory,
    inventory: Inventory,
    members: int,
    joined: int,
    findings: Findings,
    verify: Callable[[RunDirectory], Report],
) -> None:
    """Check the runs of members that there are, of so many; the first `joined` are to be there."""
    expected = [member_run(run, number) for number in range(members)]
    for number, own in enumerate(expected):
        name = own.path.name
        if name not in inventory.members:
            if (
                number < joined
                and not findings.speaks_against(FOLDER)
                and not findings.speaks_against(f"{FOLDER}/{name}")
            ):
                findings.problem(f"{FOLDER}/{name}", "missing")
        elif number >= joined and not own.record.exists():
            findings.note(f"{FOLDER}/{name}", "holds no run yet; resuming makes it")
        else:
            report = verify(own)
            findings.found += [replace(each, file=f"{FOLDER}/{name}/{each.file}") for each in report.findings]
    names = {own.path.name for own in expected}
    for name in sorted({*inventory.members, *inventory.names_in(FOLDER)} - names):
        findings.note(f"{FOLDER}/{name}", "no part of the run")
