"""The members of a committee: the run of each, which is verified like any other."""

from collections.abc import Callable
from dataclasses import replace
from os.path import lexists

from mnistnn.analysis.verification.inventory import Inventory
from mnistnn.analysis.verification.report import Findings, Report
from mnistnn.experiment.members import FOLDER, member_name, member_run
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
    expected = [member_name(number) for number in range(members)]
    for number, name in enumerate(expected):
        if name not in inventory.members:
            if (
                number < joined
                and not findings.speaks_against(FOLDER)
                and not findings.speaks_against(f"{FOLDER}/{name}")
            ):
                findings.problem(f"{FOLDER}/{name}", "missing")
        elif number >= joined and not lexists(run.path / FOLDER / name / "run.json"):
            findings.note(f"{FOLDER}/{name}", "holds no run yet; resuming makes it")
        else:
            report = verify(member_run(run, number))
            findings.found += [replace(each, file=f"{FOLDER}/{name}/{each.file}") for each in report.findings]
    for name in sorted({*inventory.members, *inventory.names_in(FOLDER)} - set(expected)):
        findings.note(f"{FOLDER}/{name}", "no part of the run")
