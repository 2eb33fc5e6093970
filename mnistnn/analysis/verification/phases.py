"""The pretraining phases of a run: the file of each phase, and its run, which is verified like any other."""

from collections.abc import Callable
from dataclasses import replace
from os.path import lexists

from mnistnn.analysis.verification.inventory import Inventory
from mnistnn.analysis.verification.report import Findings, Report
from mnistnn.config.load import LoadedExperiment
from mnistnn.errors import ConfigError, RunError
from mnistnn.experiment.pretraining import FOLDER, phases_of
from mnistnn.run import transforms
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import RunRecord


def may_have_saved_nothing(inventory: Inventory, loaded: LoadedExperiment | None, record: RunRecord | None) -> bool:
    """Tell whether a run ended while its layers learned before, when it has neither checkpoints nor metrics."""
    if loaded is None or record is None or record.status == "finished":
        return False
    return bool(loaded.experiment.pretrain) and "metrics.jsonl" not in inventory.files


def check_phases(
    run: RunDirectory,
    inventory: Inventory,
    loaded: LoadedExperiment,
    is_done: bool,
    findings: Findings,
    verify: Callable[[RunDirectory], Report],
) -> None:
    """Check what there is of each phase; all of it is to be there if what comes after has begun (`is_done`)."""
    try:
        phases = list(phases_of(loaded.experiment))
    except ConfigError as error:
        findings.problem("config.yaml", error)
        return
    for phase in phases:
        file = f"{FOLDER}/{phase.name}.safetensors"
        if is_done or file in inventory.files:
            if inventory.has(file):
                try:
                    transforms.read(run.path / file, "features")
                except RunError as error:
                    findings.problem(file, error)
                findings.ok(file)
            if phase.name not in inventory.runs:
                findings.problem(f"{FOLDER}/{phase.name}", "missing")
        if phase.name in inventory.runs and not (is_done or lexists(run.path / FOLDER / phase.name / "run.json")):
            findings.note(f"{FOLDER}/{phase.name}", "holds no run yet; resuming makes it")
        elif phase.name in inventory.runs:
            report = verify(phase.run_in(run))
            findings.found += [replace(each, file=f"{FOLDER}/{phase.name}/{each.file}") for each in report.findings]
    names = {phase.name for phase in phases}
    for name in sorted(inventory.runs - names):
        findings.note(f"{FOLDER}/{name}", "no part of the run")
    for name in inventory.names_in(FOLDER):
        if name.removesuffix(".safetensors") not in names:
            findings.note(f"{FOLDER}/{name}", "no part of the run")
