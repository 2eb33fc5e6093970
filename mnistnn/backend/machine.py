"""The computer: processor, cores, BLAS. Facts that are recorded with every run and shown by `doctor`."""

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
    """Return how many cores this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1


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
