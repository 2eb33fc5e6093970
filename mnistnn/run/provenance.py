"""environment.json: what a run was computed with, so that a difference between two runs can be traced."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from mnistnn import __version__
from mnistnn.backend.arrays import CUPY_PACKAGES
from mnistnn.backend.machine import blas_pools, cpu_model, usable_cores
from mnistnn.errors import RunError
from mnistnn.run.directory import RunDirectory
from mnistnn.storage.reading import MAX_JSON_BYTES, read_own_file
from mnistnn.storage.sealed_json import seal_json, unseal_json
from mnistnn.storage.writing import write_atomically

SCHEMA_VERSION = 1
_GIT_TIMEOUT_S = 5.0
_WRITTEN_RESULTS = (":!RESULTS.md", ":!docs/guides/history.md", ":!experiments/results")
_PACKAGES = ("numpy", "safetensors", "pydantic", "numba")
ARITHMETIC = 3
"""How work is cut into pieces and what is computed by loops of its own, which the last bits of results depend on. 3:
recurrent layers (`layers/recurrent_base.py`); 2: by shapes alone (`backend/pieces.py`). What says nothing is 1: by
shapes and the number of threads."""

# What the bits of a result may depend on; a resumed run is compared in these.
_DECISIVE = ("python", "packages", "cpu", "device")


def describe_environment(
    device: str,
    device_name: str | None,
    threads: int,
    data: dict[str, str],
    dataset: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the content of environment.json.

    data     maps file names of the data set to their SHA-256
    dataset  what must be known of the set where it is not there; None of sequences
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "mnistnn": __version__,
        "git": _git_state(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in (*_PACKAGES, *CUPY_PACKAGES)},
        "cpu": cpu_model(),
        "cores": usable_cores(),
        "blas": blas_pools(),
        "threads": threads,
        "arithmetic": ARITHMETIC,
        "device": device,
        "device_name": device_name,
        "data": data,
        "dataset": dataset,
    }


def write_environment(run: RunDirectory, environment: dict[str, Any]) -> None:
    """Write environment.json."""
    write_atomically(run.environment, seal_json(environment))


def read_environment(run: RunDirectory) -> dict[str, Any]:
    """Read environment.json. Raises RunError if it is missing, torn, altered, or of another format."""
    return parse_environment(read_own_file(run.environment, MAX_JSON_BYTES), str(run.environment))


class KeptFacts:
    """What a run has kept of its data, where it has: environment.json is read once, and missing if it is.

    dataset  sizes of the set; images how its images are; None where nothing is known
    """

    def __init__(self, run: RunDirectory) -> None:
        self._content: dict[str, Any] = {}
        self._problem: RunError | None = None
        if run.environment.exists():
            try:
                self._content = read_environment(run)
            except RunError as error:
                self._problem = error
        self.dataset, self.images = self._content.get("dataset"), self._content.get("images")

    def digests(self) -> dict[str, str] | None:
        """Return the SHA-256 of the files that the run learned from, by name; None if it does not say. Raises RunError
        if environment.json is not whole.
        """
        if self._problem is not None:
            raise self._problem
        data = self._content.get("data")
        return data if isinstance(data, dict) else None


def parse_environment(text: bytes, place: str) -> dict[str, Any]:
    """Return what the text of an environment.json says. Raises RunError, naming `place`."""
    return unseal_json(text, place, "a record of the environment", SCHEMA_VERSION)


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Say what has changed since `before` that the last bits of a result may depend on."""
    found = [f"{key}: {before.get(key)!r} then, {now[key]!r} now" for key in _DECISIVE if before.get(key) != now[key]]
    blas = [[(pool["name"], pool["version"]) for pool in each.get("blas") or []] for each in (before, now)]
    if blas[0] != blas[1]:
        found.append(f"blas: {_named(blas[0])} then, {_named(blas[1])} now")
    if (arithmetic := before.get("arithmetic", 1)) == 1:
        found.append(f"last bits depended on the number of threads ({before.get('threads')}) then, and do not now")
    elif arithmetic != now["arithmetic"]:
        found.append(f"arithmetic: {arithmetic!r} then, {now['arithmetic']!r} now")
    return found


def _named(pools: list[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {version}" for name, version in pools) or "none"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git_state() -> dict[str, Any] | None:
    """Return commit and dirtiness of the checkout that mnistnn runs from, if it is one."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    # What `reproduce` writes as it goes changes nothing that is computed.
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".", *_WRITTEN_RESULTS)
    return None if commit is None else {"commit": commit, "dirty": bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_GIT_TIMEOUT_S,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
