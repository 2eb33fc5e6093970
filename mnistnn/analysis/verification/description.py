"""The description of a run: run.json, config.yaml, the copies of its sources, environment.json, the fitted
transforms.
"""

import hashlib
from datetime import datetime
from typing import Any

from mnistnn.analysis.verification.inventory import Inventory
from mnistnn.analysis.verification.report import Findings
from mnistnn.config.dump import resolved_yaml
from mnistnn.config.load import LoadedExperiment
from mnistnn.config.validate import type_first
from mnistnn.errors import ConfigError, RunError
from mnistnn.run import transforms
from mnistnn.run.code import kept_plugins
from mnistnn.run.config import as_written, load_with, standing
from mnistnn.run.directory import RunDirectory
from mnistnn.run.provenance import parse_environment
from mnistnn.run.record import RunRecord, parse_record
from mnistnn.storage.reading import MAX_JSON_BYTES, read_own_file
from mnistnn.storage.sealed_json import DIGEST


def check_record(run: RunDirectory, inventory: Inventory, findings: Findings) -> RunRecord | None:
    """Check run.json; return the record if it can be read."""
    file = "run.json"
    if not inventory.has(file):
        return None
    try:
        text = read_own_file(run.record, MAX_JSON_BYTES)
        record = parse_record(text, str(run.record))
    except RunError as error:
        findings.problem(file, error)
        return None
    for key, time in (("started", record.started), ("ended", record.ended)):
        if time is not None and not _is_time(time):
            findings.problem(file, f"{key} is no time: {time!r}")
    has_ended = record.status != "running"
    if (record.exit_code is not None, record.ended is not None) != (has_ended, has_ended):
        findings.problem(file, f"status {record.status} does not go with its exit code and its end")
    if (record.status == "finished") != (record.exit_code == 0):
        findings.problem(file, f"status {record.status} does not go with exit code {record.exit_code}")
    findings.ok(file, _seal_of(text))
    return record


def check_config(
    run: RunDirectory, inventory: Inventory, record: RunRecord | None, findings: Findings
) -> LoadedExperiment | None:
    """Check that config.yaml is valid and agrees with run.json; return the experiment. Its digest is another check."""
    file = "config.yaml"
    if not inventory.has(file):
        return None
    try:
        plugins = kept_plugins(run)
    except RunError as error:
        findings.problem(file, f"cannot be read without the components of the run: {error}")
        return None
    try:
        loaded = load_with(run, plugins)
    except ConfigError as error:
        lines = str(error).removeprefix("error: ").splitlines()
        findings.problem(file, f"not a valid experiment, line {lines[0].removeprefix(f'{run.config}:')}")
        return None
    if record is not None:
        said = {"name": record.name, "checkpoint.monitor": record.monitor}
        found = {"name": loaded.experiment.name, "checkpoint.monitor": loaded.experiment.checkpoint.monitor}
        for key, value in said.items():
            if found[key] != value:
                findings.problem(file, f"{key} is {found[key]!r}, but {value!r} in run.json")
    return loaded


def check_config_digest(
    loaded: LoadedExperiment, record: RunRecord, is_in_use: bool, saved: set[str], findings: Findings
) -> None:
    """Check config.yaml against the digest in run.json. `saved` holds the digests that checkpoints name."""
    file = "config.yaml"
    match standing(loaded, record, lambda: saved):
        case "recorded":
            if loaded.sources[0][1] != resolved_yaml(type_first(as_written(loaded))):
                findings.note(file, "means what it should, but was not written like this by this version of mnistnn")
            findings.ok(file)
        case "before a resume":
            if not is_in_use:
                findings.note(file, "a resume was cut off before it could change the configuration")
        case "another":
            findings.problem(file, f"its SHA-256 is not the {record.config_hash[:12]}… that run.json records")


def check_environment(
    run: RunDirectory, inventory: Inventory, record: RunRecord | None, findings: Findings
) -> dict[str, Any] | None:
    """Check environment.json; return its content if it can be read."""
    file = "environment.json"
    if not inventory.has(file):
        return None
    try:
        text = read_own_file(run.environment, MAX_JSON_BYTES)
        environment = parse_environment(text, str(run.environment))
    except RunError as error:
        findings.problem(file, error)
        return None
    if record is not None and environment.get("threads") != record.threads:
        findings.problem(file, f"threads is {environment.get('threads')!r}, but {record.threads} in run.json")
    findings.ok(file, _seal_of(text))
    return environment


def check_sources(
    run: RunDirectory, inventory: Inventory, environment: dict[str, Any] | None, findings: Findings
) -> None:
    """Check the copies of the files that the experiment was given as, by the digests in environment.json."""
    digests = None if environment is None else environment.get("source")
    names = inventory.names_in("source")
    if not isinstance(digests, dict):
        if not any(name.startswith("0-") for name in names):
            findings.problem("source", "the copy of the experiment's file is missing")
        for name in names:
            findings.ok(f"source/{name}", "no digest is recorded: nothing to compare it with")
        return
    for name, digest in digests.items():
        file = f"source/{name}"
        if not inventory.has(file):
            continue
        try:
            content = read_own_file(run.source / name)  # in the inventory, so no link leads there
        except RunError as error:
            findings.problem(file, error)
            continue
        if hashlib.sha256(content).hexdigest() != digest:
            findings.problem(file, "altered: its SHA-256 is not the one in environment.json")
        findings.ok(file)
    for name in names:
        if name not in digests:
            findings.note(f"source/{name}", "no part of the run")


def check_transforms(run: RunDirectory, inventory: Inventory, loaded: LoadedExperiment, findings: Findings) -> bool:
    """Check that each transform of the experiment is kept as it was fitted; tell whether all are."""
    expected = [
        (f"preprocess/{number}-{transform.type}.safetensors", transform.type)
        for number, transform in enumerate(loaded.experiment.preprocess)
    ]
    whole = True
    for file, kind in expected:
        if inventory.has(file):
            try:
                transforms.read(run.path / file, kind)
            except RunError as error:
                findings.problem(file, error)
            findings.ok(file)
        whole = whole and not findings.speaks_against(file)
    for name in inventory.names_in("preprocess"):
        if f"preprocess/{name}" not in {file for file, _ in expected}:
            findings.note(f"preprocess/{name}", "no part of the run")
    return whole


def _seal_of(text: bytes) -> str:
    """Return what is to be said about a file that has no digest."""
    return "" if f'"{DIGEST}"'.encode() in text else "carries no digest: written by an earlier version"


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
