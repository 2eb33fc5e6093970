"""What this machine is: processor, cores, BLAS. Facts that are recorded with every run and shown by `doctor`."""

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
    """Return name, version and threads of each BLAS that is loaded now (import NumPy first)."""
    from threadpoolctl import threadpool_info

    return [
        {"name": pool["internal_api"], "version": pool["version"], "threads": pool["num_threads"]}
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    ]
