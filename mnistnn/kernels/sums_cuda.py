"""The running sum of losses as a kernel for a GPU. It is kept in float64, see `RunningLoss` in `training/loop.py`."""

from mnistnn.backend.cuda import Kernel

add_times = Kernel(
    "add_times",
    "double* sum, const Real* loss, long long examples",
    "sum[i] += (double)loss[i] * (double)examples;",
)
