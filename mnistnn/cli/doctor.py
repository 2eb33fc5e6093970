"""`mnistnn doctor`: what is installed, what this machine has, and whether mnistnn can work here.

Each check gives findings of one shape, so the listing and the JSON come from the same data. Nothing is
changed on the machine: the write tests use unnamed files, and folders that do not exist yet stay that way.
"""

import json
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import click

from mnistnn import __version__
from mnistnn.backend.machine import blas_pools, cpu_model, cpu_quota, free_cores, usable_cores
from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.terminal import printable
from mnistnn.errors import ResourceError
from mnistnn.storage.writing import resource_error

_SCHEMA_VERSION = 1
_WRITE_TEST_BYTES = 1 << 16
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[^]]*\])?(?:\s*>=\s*(?P<minimum>[\d.]+))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"](?P<extra>[\w-]+)['\"]")
_STATUS_COLOURS = {"ok": "green", "absent": "yellow", "failed": "red"}


@dataclass(frozen=True)
class Finding:
    """One line of the report. `absent` is something optional; only `failed` keeps mnistnn from working."""

    area: str
    name: str
    status: Literal["ok", "absent", "failed"]
    detail: str
    remedy: str | None = None


@click.command(cls=MnistnnCommand)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(as_json: bool) -> None:
    """Check that mnistnn can work on this machine.

    Shows versions, processor, BLAS and its threads, GPU and the cache, and tries to write where runs and
    data go. Exits with 5 when something that mnistnn cannot do without is missing.
    """
    findings = list(examine())
    failed = [finding.name for finding in findings if finding.status == "failed"]
    if as_json:
        report = {"schema_version": _SCHEMA_VERSION, "ok": not failed, "findings": [*map(asdict, findings)]}
        click.echo(json.dumps(report, indent=2))
    else:
        click.echo(_listing(findings))
    if failed:
        raise ResourceError(f"mnistnn cannot work here: {', '.join(failed)} failed, see the report")


def examine() -> Iterator[Finding]:
    """Yield every finding, area by area."""
    yield Finding("versions", "python", "ok", f"{platform.python_version()} on {platform.platform()}")
    yield Finding("versions", "mnistnn", "ok", __version__)
    yield from _packages()
    yield _processor()
    yield _threads()
    yield from _blas()
    yield _loops()
    yield _gpu()
    yield from _storage()


def _packages() -> Iterator[Finding]:
    """Compare what the installed distribution asks for with what is there."""
    try:
        requirements = metadata.requires("mnistnn") or []
    except metadata.PackageNotFoundError:
        yield Finding("packages", "mnistnn", "absent", "runs from its sources, not installed", "make setup")
        return
    for requirement in requirements:
        found = _REQUIREMENT.match(requirement)
        if found is None:
            continue
        extra = _EXTRA.search(requirement)
        yield _package(found["name"], found["minimum"], extra["extra"] if extra else None)


def _package(name: str, minimum: str | None, extra: str | None) -> Finding:
    """Say which version of a requirement is installed. A missing one fails, that of an extra is absent."""
    area = f"extra {extra}" if extra else "packages"
    remedy = f"pip install 'mnistnn[{extra}]'" if extra else "pip install --upgrade mnistnn"
    lacking: Literal["absent", "failed"] = "absent" if extra else "failed"
    try:
        installed = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(area, name, lacking, "not installed", remedy)
    if minimum and _release(installed) < _release(minimum):
        return Finding(area, name, lacking, f"{installed} is older than {minimum}", remedy)
    return Finding(area, name, "ok", installed)


def _release(version: str) -> list[int]:
    """Return the leading numbers of a version: 2.4.6rc1 gives [2, 4, 6]."""
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    return [int(number) for number in numbers[0].split(".")] if numbers else []


def _processor() -> Finding:
    quota = cpu_quota()
    granted = "" if quota is None else f", {quota:g} granted by the control group"
    return Finding(
        "processor", "cpu", "ok", f"{cpu_model()}, {usable_cores()} of {os.cpu_count()} cores usable{granted}"
    )


def _threads() -> Finding:
    usable, free = usable_cores(), free_cores()
    if usable == 1:
        return Finding("processor", "threads", "ok", "a run uses one")
    detail = f"a run uses 1 to {usable}, as it goes; by what else this machine does it would begin with {free}"
    return Finding("processor", "threads", "ok", detail)


def _blas() -> Iterator[Finding]:
    """Ask the BLAS that NumPy has loaded. A run uses one thread of it, and threads of its own."""
    try:
        import numpy  # noqa: F401 - loads the BLAS

        pools = blas_pools()
    except ImportError as error:
        reason = str(error).strip().partition("\n")[0]
        yield Finding("processor", "blas", "failed", reason, "pip install --upgrade mnistnn")
        return
    for pool in pools:
        yield Finding("processor", "blas", "ok", f"{pool['name']} {pool['version']}")
    if not pools:
        yield Finding("processor", "blas", "absent", "of an unknown kind: its threads cannot be controlled")


def _loops() -> Finding:
    from mnistnn.backend.jit import can_compile

    if can_compile():
        return Finding("processor", "loops", "ok", "compiled by Numba where there is enough work for them")
    reason = "not compiled: Numba is not installed, or switched off by NUMBA_DISABLE_JIT; NumPy gives the same results"
    return Finding("processor", "loops", "absent", reason, "pip install 'mnistnn[fast]'")


def _gpu() -> Finding:
    try:
        from mnistnn.backend.arrays import device_name

        name = device_name("cuda")
    except ResourceError as error:
        return Finding("gpu", "cuda", "absent", str(error))
    except (ImportError, RuntimeError, OSError) as error:  # drivers and libraries that do not fit each other
        return Finding("gpu", "cuda", "absent", f"{type(error).__name__}: {error}".partition("\n")[0])
    return Finding("gpu", "cuda", "ok", str(name))


def _storage() -> Iterator[Finding]:
    yield _write_test("runs", Path("runs"))
    try:
        from mnistnn.data.datasets.cache import datasets_folder, stored_names
    except ImportError:  # the processor's findings say what is broken
        return
    yield _write_test("cache", datasets_folder().parent)
    try:
        names = stored_names()
    except ResourceError as error:
        yield Finding("storage", "datasets", "failed", str(error))
        return
    if names:
        yield Finding("storage", "datasets", "ok", ", ".join(names))
    else:
        yield Finding("storage", "datasets", "absent", "none in the cache yet", "mnistnn data fetch mnist")


def _write_test(name: str, folder: Path) -> Finding:
    """Force an unnamed file to the disk in `folder` or, while it is not made yet, its nearest ancestor."""
    from mnistnn.storage.forcing import force_to_disk

    existing = folder.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(bytes(_WRITE_TEST_BYTES))
            file.flush()
            force_to_disk(file.fileno())
        free = shutil.disk_usage(existing).free / 1e9
    except OSError as error:
        return Finding("storage", name, "failed", str(resource_error(existing, error)))
    state = "writable" if existing == folder.absolute() else "not made yet, can be"
    return Finding("storage", name, "ok", f"{folder.absolute()}: {state}, {free:.1f} GB free")


def _listing(findings: list[Finding]) -> str:
    """Return the report for people: one line a finding, under its area, with the remedy if any."""
    width = max(len(finding.name) for finding in findings)
    lines: list[str] = []
    area = None
    for finding in findings:
        if finding.area != area:
            area = finding.area
            lines.append(click.style(area, bold=True))
        status = click.style(f"{finding.status:6}", fg=_STATUS_COLOURS[finding.status])
        remedy = f"  ({finding.remedy})" if finding.remedy else ""
        lines.append(f"  {status}  {finding.name:{width}}  {printable(finding.detail)}{remedy}")
    return "\n".join(lines)
