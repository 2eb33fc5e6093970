"""The computer: processor, cores, BLAS. Facts that are recorded with every run and shown by `doctor`."""

import math
import os
import platform
from pathlib import Path
from typing import Any


def cpu_model() -> str:
    """Return the processor's name where Linux tells it, else its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown"


def usable_cores() -> int:
    """Return how many cores this process may use: those that it may run on, or fewer if its control group says so."""
    affinity = getattr(os, "sched_getaffinity", None)  # neither on macOS nor on Windows
    cores = (os.cpu_count() or 1) if affinity is None else len(affinity(0))
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, int(quota)))


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Return how many cores' time the control groups of this process grant it (Linux); None if they do not say."""
    granted = []
    try:
        lines = os.fsdecode((root / "proc/self/cgroup").read_bytes()).split("\n")  # names may hold other ends of lines
    except OSError:
        return None
    mounted = root / "sys/fs/cgroup"
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]  # hierarchy:controllers:path
        if not path or (not (is_v2 := not controllers) and "cpu" not in controllers.split(",")):
            continue
        for top in (mounted, mounted / "unified") if is_v2 else (mounted / "cpu", mounted / controllers):
            group = top / path.lstrip("/")
            for folder in (group, *group.parents):  # the narrowest of the groups that it is in counts
                if (quota := _quota_of(folder, is_v2)) is not None:
                    granted.append(quota)
                if folder == top:
                    break
    return min(granted, default=None)


def _quota_of(folder: Path, is_v2: bool) -> float | None:
    try:
        if is_v2:
            allowed, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
        else:
            allowed, period = (
                (folder / f"cpu.cfs_{name}_us").read_text(encoding="utf-8").strip() for name in ("quota", "period")
            )
        quota = math.inf if allowed in ("max", "-1") else float(allowed) / float(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
    return quota if 0 < quota < math.inf else None


def free_cores(root: Path = Path("/")) -> int:
    """Return how many usable cores seem to have nothing else to do, at least one: by how many threads want to run at
    this moment (Linux), or else by the load of the last minute.
    """
    try:
        running, _, _ = (root / "proc/loadavg").read_text(encoding="utf-8").split()[3].partition("/")
        load = max(0.0, int(running) - 1)  # without the one that asks
    except (OSError, ValueError, IndexError):
        try:
            load = getattr(os, "getloadavg", lambda: (0.0,))()[0]  # not on Windows
        except OSError:
            load = 0.0
    return max(1, round(usable_cores() - min(load, usable_cores())))


def blas_pools() -> list[dict[str, Any]]:
    """Return name, version and threads of the BLAS that NumPy computes with (import NumPy first).

    Wheels bring one each: another package's, such as SciPy's, may be loaded later, and nothing of a run depends on it.
    Where NumPy's cannot be told from others, all are returned.
    """
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    of_numpy = [pool for pool in pools if "numpy" in Path(pool["filepath"]).parent.name]
    return [
        {"name": pool["internal_api"], "version": pool["version"], "threads": pool["num_threads"]}
        for pool in of_numpy or pools
    ]
