"""Commands that train in several processes, stopped at a stage of their workers or at any instant.

What is stopped runs as users run it. Its workers are told what to do at which stage by a `sitecustomize` module, and
say that they have come to it by making a file.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mnistnn.run.directory import RunDirectory, all_runs
from mnistnn.run.record import read_record
from tests.faults.trials import Done, result_of

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
WITHIN_S = 10.0
_MARK = "MNISTNN_TEST_OF_STOPS"
COMMITTEE = """\
name: committee
data: {dataset: toy, validation_examples: 60}
model:
  type: committee
  members:
    - {experiment: adam.yaml, overrides: [stopping.max_epochs.epochs=50, evaluation.every_updates=null]}
    - {experiment: adam.yaml, overrides: [seed=1, stopping.max_epochs.epochs=60, evaluation.every_updates=null]}
    - {experiment: adam.yaml, overrides: [seed=2, stopping.max_epochs.epochs=40, evaluation.every_updates=null]}
"""
_LONG = ("stopping.max_epochs.epochs=60", "evaluation.every_updates=null")

_IN_AN_UPDATE = """
from mnistnn.runner.checkpointing import RunCheckpointing
update = RunCheckpointing.after_update
def after_update(self, t):
    if t.progress.updates > 5: reach(); DO()
    update(self, t)
RunCheckpointing.after_update = after_update
"""

# What workers do at each stage. `reach` tells that one has come to it; `calculate` is a call that no signal interrupts,
# and `hold` one that lets no other thread of its process do anything either.
STAGES = {
    "importing": "reach(); time.sleep(1.0)",
    "beginning": """
from mnistnn.sweep import engines
begin = engines._begin_worker
def begin_worker(*arguments):
    reach(); time.sleep(0.5); begin(*arguments); time.sleep(0.5)
begin_worker.__module__, begin_worker.__qualname__ = begin.__module__, begin.__qualname__
engines._begin_worker = begin_worker
""",
    "preparing": """
from mnistnn.experiment.plan import Plan
def learning(self): reach(); time.sleep(60)
Plan.learning = learning
""",
    "preparing in one long call": """
from mnistnn.experiment.plan import Plan
def learning(self): reach(); calculate()
Plan.learning = learning
""",
    "training": """
from mnistnn.runner.checkpointing import RunCheckpointing
update = RunCheckpointing.after_update
def after_update(self, t):
    update(self, t)
    if t.progress.updates > 5: reach()
RunCheckpointing.after_update = after_update
""",
    "in a long update": _IN_AN_UPDATE.replace("DO", "calculate"),
    "in a call that holds the interpreter": _IN_AN_UPDATE.replace("DO", "hold"),
    "saving": """
from mnistnn.run import checkpoint
write = checkpoint.write
def slowly(*arguments):
    reach(); time.sleep(0.5)
    return write(*arguments)
checkpoint.write = slowly
""",
    "ending": """
from mnistnn.run.record import RunRecord
write = RunRecord.write
def slowly(self, run):
    if self.status == "finished": reach(); time.sleep(0.5)
    write(self, run)
RunRecord.write = slowly
""",
}

_WORKER = """
import hashlib, os, re, sys, time
def reach():
    open(os.environ["REACHED"], "a").close()
def calculate():
    hashlib.pbkdf2_hmac("sha256", b"x", b"y", 10**9)
def hold():
    re.match("(a+)+$", "a" * 60 + "b")
if "spawn_main" in " ".join(sys.orig_argv):
    exec(os.environ["STAGE"])
"""


@dataclass
class Work:
    """A command with two workers in a folder of its own, and what must come of it in the end.

    kind  `seeds`, `sweep` or `members`
    """

    kind: str
    config: Path
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def first(self) -> list[str]:
        workers = ["--workers", "2", "-q"]
        match self.kind:
            case "seeds":
                return ["train", str(self.config), *_LONG, "--seeds", "0..2", "--resume", "auto", *workers]
            case "sweep":
                values = "optimizer.learning_rate=0.1,0.3,0.2"
                return ["sweep", "run", str(self.config), *_LONG, values, "--study", "study", *workers]
            case _:
                return ["train", str(self.config), "--run-dir", "run", "--resume", "auto", *workers]

    @property
    def again(self) -> list[str]:
        if self.kind == "sweep" and (self.folder / "study" / "study.json").exists():
            return ["sweep", "resume", "study", "--workers", "2", "-q"]
        return self.first

    def start(self, arguments: list[str], stage: str = "") -> "subprocess.Popen[str]":
        environment = {**os.environ, **self.environment, "OPENBLAS_NUM_THREADS": "1", _MARK: self.mark}
        if stage:
            hook = self.folder / "hook"
            hook.mkdir(exist_ok=True)
            (hook / "sitecustomize.py").write_text(_WORKER)
            environment |= {"STAGE": STAGES[stage], "REACHED": str(self.reached)}
            environment["PYTHONPATH"] = os.pathsep.join([str(hook), *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [sys.executable, "-m", "mnistnn", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=pipe, stderr=pipe, text=True)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.mark = uuid.uuid4().hex

    @property
    def reached(self) -> Path:
        return self.folder / "reached"

    def wait_for_stage(self, process: "subprocess.Popen[str]") -> None:
        for _ in range(1200):
            if self.reached.exists():
                return
            if process.poll() is not None:
                raise AssertionError(f"it ended before it came to the stage: {process.communicate()}")
            time.sleep(0.02)
        process.kill()
        raise AssertionError(f"it does not come to the stage: {process.communicate()}")

    def stop(
        self, process: "subprocess.Popen[str]", number: int, times: int, pause_s: float = 0.3, any_time: bool = False
    ) -> Done:
        """Send a signal, once or twice, and check that all processes end in time, with the right exit code.

        any_time  the command may be just beginning, when nobody has asked the system yet to be told of signals, or done
        """
        began = time.monotonic()
        process.send_signal(number)
        if times == 2:
            time.sleep(pause_s)
            process.send_signal(number)
        try:
            out, err = process.communicate(timeout=WITHIN_S)
        except subprocess.TimeoutExpired:
            left = self.processes()
            for each in left:
                os.kill(each, signal.SIGKILL)
            raise AssertionError(f"it hangs, with {len(left)} processes: {process.communicate()}") from None
        done = Done(process.returncode, out, err)
        while left := self.processes():
            if time.monotonic() - began > WITHIN_S:
                for each in left:
                    os.kill(each, signal.SIGKILL)
                raise AssertionError(f"{len(left)} processes are left, after {done}")
            time.sleep(0.05)
        allowed = {128 + number} if times == 1 and not any_time else {128 + number, -number}
        if any_time and self.is_finished():
            allowed.add(0)
        assert done.code in allowed, done
        if done.code and done.code > 0:
            assert "Traceback" not in done.err, done.err
        return done

    def is_finished(self) -> bool:
        """Tell whether all that the command is to train is there."""
        records = [read_record(RunDirectory(path.parent)) for path in self.folder.rglob("run.json")]
        wanted = 4 if self.kind == "members" else 3
        return [record.status for record in records] == ["finished"] * wanted

    def processes(self) -> list[int]:
        """Return the processes that this command has begun, and that are still there."""
        found = []
        for folder in Path("/proc").iterdir():
            if not folder.name.isdecimal():
                continue
            try:
                is_ours = f"{_MARK}={self.mark}".encode() in (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if is_ours and b" tracker" not in (folder / "cmdline").read_bytes().replace(b"_tracker", b" tracker"):
                found.append(int(folder.name))
        return found

    def finish(self) -> None:
        """Go on to the end."""
        process = self.start(self.again)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, (out, err)

    def results(self) -> list[tuple[str, bytes, bytes]]:
        """Return the bits of all that was trained, in an order that does not depend on the clock."""
        match self.kind:
            case "seeds":
                runs = [run.path for run in all_runs(self.folder / "runs")]
            case "sweep":
                runs = sorted((self.folder / "study" / "trials").iterdir())
            case _:
                runs = sorted(record.parent for record in (self.folder / "run").rglob("run.json"))
        assert all(read_record(RunDirectory(run)).status == "finished" for run in runs)
        return sorted(result_of(run) for run in runs)


def children_of(parent: int) -> list[int]:
    """Return the workers of a process."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                status = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(status[1]) == parent and b"spawn_main" in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
    return found
