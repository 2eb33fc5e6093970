"""What is found out about the machine."""

import os
from pathlib import Path

import pytest
import threadpoolctl

from mnistnn.backend import machine
from mnistnn.backend.machine import blas_pools, cpu_quota, free_cores, usable_cores


def pool(path: str, version: str) -> dict[str, object]:
    return {"user_api": "blas", "internal_api": "openblas", "version": version, "num_threads": 2, "filepath": path}


NUMPY, SCIPY = pool("/x/numpy.libs/libscipy_openblas64_.so", "1"), pool("/x/scipy.libs/libscipy_openblas.so", "2")
SYSTEM = pool("/usr/lib/libopenblas.so", "3")


@pytest.mark.parametrize(
    ("loaded", "versions"), [([NUMPY], ["1"]), ([NUMPY, SCIPY], ["1"]), ([SYSTEM, SCIPY], ["3", "2"]), ([], [])]
)
def test_blas_is_that_of_numpy_where_it_can_be_told(monkeypatch, loaded, versions):
    monkeypatch.setattr(threadpoolctl, "threadpool_info", lambda: [*loaded, {"user_api": "openmp"}])
    assert [each["version"] for each in blas_pools()] == versions


def control_groups(root: Path, of_process: str, files: dict[str, str]) -> Path:
    """Write what Linux shows of a process's control groups."""
    for name, content in ({"proc/self/cgroup": of_process} | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


V2, V1 = "sys/fs/cgroup", "sys/fs/cgroup/cpu"


@pytest.mark.parametrize(
    ("of_process", "files", "quota"),
    [
        ("0::/\n", {}, None),
        ("0::/a/b\n", {f"{V2}/a/b/cpu.max": "max 100000\n"}, None),
        ("0::/a/b\n", {f"{V2}/a/b/cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a/b\n", {f"{V2}/a/cpu.max": "100000 100000\n", f"{V2}/a/b/cpu.max": "400000 100000\n"}, 1.0),
        ("0::/\n", {f"{V2}/cpu.max": "50000 100000\n"}, 0.5),
        ("4:cpu,cpuacct:/a\n", {f"{V1}/a/cpu.cfs_quota_us": "200000\n", f"{V1}/a/cpu.cfs_period_us": "100000\n"}, 2.0),
        ("4:cpu:/a\n", {f"{V1}/a/cpu.cfs_quota_us": "-1\n", f"{V1}/a/cpu.cfs_period_us": "100000\n"}, None),
        ("5:memory:/a\n", {f"{V1}/a/cpu.cfs_quota_us": "1\n"}, None),
        ("0::/a\n", {f"{V2}/a/cpu.max": "what is this\n"}, None),
        ("\n0\n1:cpu\n0::/a\x0bb\n", {f"{V2}/a\x0bb/cpu.max": "100000 100000\n"}, 1.0),
        ("0::/a\n", {f"{V2}/a/cpu.max": "nan 100000\n", f"{V2}/cpu.max": "200000 100000\n"}, 2.0),
        ("0::/a\n", {f"{V2}/a/cpu.max": f"{'9' * 400} 100000\n"}, None),
        ("0::/a\n", {f"{V2}/unified/a/cpu.max": "100000 100000\n"}, 1.0),
        (
            "4:cpu,cpuacct:/\n",
            {f"{V2}/cpu,cpuacct/cpu.cfs_{each}_us": "100000\n" for each in ("quota", "period")},
            1.0,
        ),
    ],
)
def test_quota_is_that_of_the_narrowest_control_group(tmp_path, of_process, files, quota):
    assert cpu_quota(control_groups(tmp_path, of_process, files)) == quota


def test_name_of_a_control_group_that_is_not_text_is_read(tmp_path):
    root = control_groups(tmp_path, "", {f"{V2}/cpu.max": "100000 100000\n"})
    (root / "proc/self/cgroup").write_bytes(b"0::/a\xff\n")
    assert cpu_quota(root) == 1.0


def test_machine_without_control_groups_has_no_quota(tmp_path):
    assert cpu_quota(tmp_path) is None


@pytest.mark.parametrize(("quota", "usable"), [(None, 4), (8.0, 4), (2.0, 2), (1.5, 1), (0.5, 1)])
def test_cores_are_those_that_a_process_may_run_on_or_is_granted(monkeypatch, quota, usable):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(machine, "cpu_quota", lambda: quota)
    assert usable_cores() == usable


@pytest.mark.parametrize(("load", "free"), [(0.0, 4), (0.4, 4), (1.2, 3), (9.0, 1)])
def test_free_cores_have_no_load(monkeypatch, tmp_path, load, free):
    monkeypatch.setattr(machine, "usable_cores", lambda: 4)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    assert free_cores(tmp_path) == free


@pytest.mark.parametrize(
    ("running", "free"), [("1/99", 4), ("2/99", 3), ("9/99", 1), ("0/99", 4), ("?", 4), ("inf/9", 4), ("9" * 99, 1)]
)
def test_free_cores_are_those_that_no_thread_wants_at_the_moment(monkeypatch, tmp_path, running, free):
    monkeypatch.setattr(machine, "usable_cores", lambda: 4)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0), raising=False)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "loadavg").write_text(f"3.5 3.6 3.7 {running} 1234\n")
    assert free_cores(tmp_path) == free
