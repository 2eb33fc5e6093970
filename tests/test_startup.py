"""`mnistnn --help` answers at once, and so does `import mnistnn`: they take little time and load nothing heavy."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HELP = [sys.executable, "-m", "mnistnn", "--help"]
CLICK = [sys.executable, "-c", "import click"]
# Beside the library that it cannot do without. Both are measured in turn, since seconds say more about the machine.
AT_MOST = 2.0
IMPORT = [sys.executable, "-c", "import mnistnn"]
NOTHING = [sys.executable, "-c", "pass"]
IMPORT_AT_MOST_S = 0.03
HEAVY = {"numpy", "pydantic", "yaml", "tqdm", "cupy", "numba", "safetensors", "matplotlib"}


def _cpu_time_s(command):
    """Run `command` and return the processor time, user and system, that it and its children took."""
    # Of resource usage, since os.times counts in hundredths of a second, and it takes only a few of them.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def test_help_takes_little_more_processor_time_than_importing_click():
    # The fastest of several, because other processes on the machine can only add time.
    fastest = [min(times) for times in zip(*[(_cpu_time_s(HELP), _cpu_time_s(CLICK)) for _ in range(7)], strict=True)]
    assert fastest[0] < AT_MOST * fastest[1]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["trian"]])
def test_light_command_lines_load_nothing_heavy(arguments):
    program = (
        "import json, sys; from mnistnn.cli.shell import run; run(sys.argv[1:]);"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert not loaded & HEAVY


def test_import_takes_hardly_any_processor_time():
    # The fastest of several, as above, and without what Python takes by itself.
    fastest = [
        min(times) for times in zip(*[(_cpu_time_s(IMPORT), _cpu_time_s(NOTHING)) for _ in range(7)], strict=True)
    ]
    assert fastest[0] - fastest[1] < IMPORT_AT_MOST_S


def test_import_loads_nothing_heavy():
    program = (
        "import mnistnn, json, sys; dir(mnistnn); mnistnn.MnistnnError, mnistnn.__version__;"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert not set(json.loads(done.stdout)) & {*HEAVY, "click", "sklearn"}
