"""What is found out about the machine."""

import pytest
import threadpoolctl

from mnistnn.backend.machine import blas_pools


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
