"""Check mnistnn as a release: build what its users download, then install it and use it outside of the checkout.

`make release-check` runs this, by any Python 3.11 or later with nothing installed; packages come from the network. What
was checked is left in `dist/`. There is a line for each step. The first that fails ends the check with exit code 1,
after what it printed.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LARGEST_WHEEL_BYTES = 2_000_000
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")

# What leads Python to the checkout, or to an environment that happens to be active.
MISLEADING = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")

# Tests that ask the installed package alone, without any extra: half a minute on two cores. The folder experiments/
# comes along, since some compare with its files.
TESTS = (
    "tests/kernels",
    "tests/layers",
    "tests/losses",
    "tests/stopping",
    "tests/storage",
    "tests/config",
    "tests/test_component.py",
    "tests/test_errors.py",
    "tests/test_startup.py",
    "tests/test_types.py",
    "tests/cli/test_completion.py",
    "tests/cli/test_config_commands.py",
    "tests/cli/test_examples_command.py",
    "tests/cli/test_failures.py",
    "tests/cli/test_missing_extras.py",
    "tests/cli/test_runs_commands.py",
    "tests/cli/test_shell.py",
    "tests/cli/test_train_command.py",
)
# Half of the time of all of these, and nothing in them depends on how mnistnn was installed.
LEFT_OUT = (
    "tests/config/test_hostile_text.py",
    "tests/kernels/test_decomposition.py",
    "tests/kernels/test_deformations.py",
    "tests/layers/test_recurrent_layers.py",
)
OF_THE_TESTS = ("tests", "experiments", "pyproject.toml")


class NotHeldError(Exception):
    """What was checked does not hold."""


def main() -> int:
    """Check a release of this checkout; return the exit code."""
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="mnistnn-release-") as folder:
            check(Path(folder))
    except NotHeldError as error:
        sys.stdout.write(f"failed: {error}\n")
        return 1
    sys.stdout.write(f"all steps passed in {time.monotonic() - began:.0f} s; dist/ has what was checked\n")
    return 0


def check(folder: Path) -> None:
    """Build a release, install it in every way, and use it; `folder` is empty, and outside of the checkout."""
    tools = environment(folder / "tools")
    step("install the tools", [tools / "python", *PIP, "pip>=25.1"], ROOT)
    step("install the tools of [dependency-groups] release", [tools / "python", *PIP, "--group", "release"], ROOT)
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    step("build sdist, and the wheel from it", [tools / "python", "-m", "build", "--outdir", "dist"], ROOT)
    (wheel,), (sdist,) = (list((ROOT / "dist").glob(pattern)) for pattern in ("*.whl", "*.tar.gz"))
    step("twine check --strict", [tools / "twine", "check", "--strict", wheel, sdist], ROOT)
    step("check-wheel-contents", [tools / "check-wheel-contents", wheel], ROOT)
    say(f"the wheel has {size(wheel) / 1e6:.2f} MB of at most {LARGEST_WHEEL_BYTES / 1e6} MB")
    step("uv tool install", [tools / "uv", "tool", "install", "--python", sys.executable, wheel], folder, of_uv(folder))
    use("uv", folder / "uv-bin" / "mnistnn", empty(folder / "by-uv"))
    step("pipx install", [tools / "pipx", "install", "--python", sys.executable, wheel], folder, of_pipx(folder))
    use("pipx", folder / "pipx-bin" / "mnistnn", empty(folder / "by-pipx"))
    unpack(sdist, OF_THE_TESTS, folder / "tested")
    for name, file in (("wheel", wheel), ("sdist", sdist)):
        check_installed(name, file, folder, tools)


def check_installed(name: str, file: Path, folder: Path, tools: Path) -> None:
    """Install a file by pip into a fresh environment, use mnistnn in an empty folder, and test it."""
    binaries, here = environment(folder / name), empty(folder / f"by-{name}")
    step(f"{name}: pip install", [binaries / "python", *PIP, file], here)
    place = step(f"{name}: import", [binaries / "python", "-c", "import mnistnn; print(mnistnn.__file__)"], here)
    if not Path(place.strip()).is_relative_to(folder / name):
        raise NotHeldError(f"{name}: mnistnn was imported from {place.strip()}, not from where it was installed")
    use(name, binaries / "mnistnn", here)
    for words in ("train softmax --epochs 1", "eval latest", "course softmax", "exercise derive-dw"):
        step(f"{name}: mnistnn {words}", [binaries / "mnistnn", *words.split()], here)
    group = f"{ROOT / 'pyproject.toml'}:test"
    pip: list[str | Path] = [tools / "python", "-m", "pip", "--python", binaries / "python"]
    step(f"{name}: install pytest", [*pip, *PIP[2:], "--group", group], here)
    ignored = [f"--ignore={path}" for path in LEFT_OUT]
    pytest = [str(binaries / "pytest"), "-q", "-n", "auto", *ignored, *TESTS]
    said = step(f"{name}: tests", pytest, folder / "tested", {"OPENBLAS_NUM_THREADS": "1"})
    say(f"{name}: {said.strip().splitlines()[-1].strip('= ')}")


def use(name: str, mnistnn: Path, folder: Path) -> None:
    """Ask an installed command for its version, which is to be the checkout's, and for the experiments that it has."""
    said = step(f"{name}: mnistnn --version", [mnistnn, "--version"], folder)
    if version() not in said.split():
        raise NotHeldError(f"{name}: mnistnn --version says '{said.strip()}', and the checkout is {version()}")
    if "mlp" not in step(f"{name}: mnistnn examples", [mnistnn, "examples"], folder).split():
        raise NotHeldError(f"{name}: mnistnn examples does not list mlp")


def step(name: str, command: Sequence[str | Path], folder: Path, more: Mapping[str, str] | None = None) -> str:
    """Run a command in a folder, say how long it took, and return what it printed.

    more  variables of the environment, beside those of this process that lead nowhere wrong
    Raises NotHeldError, after what the command printed, when it fails.
    """
    began = time.monotonic()
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, env=clean(os.environ, more or {}), capture_output=True, text=True
    )
    if done.returncode:
        sys.stdout.write(done.stdout + done.stderr)
        raise NotHeldError(f"{name}: exit code {done.returncode}")
    say(f"{name}  {time.monotonic() - began:.1f} s")
    return done.stdout


def clean(variables: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Return variables without those that lead to the checkout or to another environment, and more."""
    return {name: value for name, value in variables.items() if name not in MISLEADING} | dict(more)


def of_uv(folder: Path) -> dict[str, str]:
    """Return the variables by which uv keeps its tools in a folder."""
    return {"UV_TOOL_DIR": str(folder / "uv"), "UV_TOOL_BIN_DIR": str(folder / "uv-bin")}


def of_pipx(folder: Path) -> dict[str, str]:
    """Return the variables by which pipx keeps everything in a folder."""
    kept = {"PIPX_HOME": "pipx", "PIPX_BIN_DIR": "pipx-bin", "PIPX_MAN_DIR": "pipx-man"}
    return {name: str(folder / place) for name, place in kept.items()}


def environment(folder: Path) -> Path:
    """Make a fresh virtual environment; return the folder of its programs."""
    venv.create(folder, with_pip=True)
    return folder / "bin"


def empty(folder: Path) -> Path:
    """Make a folder; return it."""
    folder.mkdir()
    return folder


def size(wheel: Path) -> int:
    """Return the bytes of a wheel; raise NotHeldError when it has grown too large."""
    found = wheel.stat().st_size
    if found > LARGEST_WHEEL_BYTES:
        raise NotHeldError(f"the wheel has {found} bytes, and {LARGEST_WHEEL_BYTES} are allowed")
    return found


def unpack(sdist: Path, names: Sequence[str], folder: Path) -> None:
    """Unpack files and folders of an sdist into a folder, without its root, so that nothing else can be imported there.

    Raises NotHeldError when the sdist lacks one of them.
    """
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
        for member in members:
            member.name = member.name.partition("/")[2]
        wanted = [member for member in members if member.name.split("/")[0] in names]
        missing = set(names) - {member.name.split("/")[0] for member in wanted}
        if missing:
            raise NotHeldError(f"the sdist has no {', '.join(sorted(missing))}")
        # Python 3.11.2, which Debian 12 has, knows no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        archive.extractall(folder, wanted)


def version() -> str:
    """Return the version of the checkout."""
    text = (ROOT / "mnistnn" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert found is not None
    return found[1]


def say(line: str) -> None:
    """Print a line at once, wherever it goes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
