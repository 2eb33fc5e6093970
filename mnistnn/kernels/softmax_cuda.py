"""The softmax's negative log-likelihood and its gradient as one kernel for a GPU. The formulas are in `softmax.py`."""

from mnistnn.backend.cuda import Kernel

# A thread has a row. Rows are as short as there are classes, so there is no more to share out.
softmax_nll = Kernel(
    "softmax_nll",
    "const Real* z, const long long* labels, long long k, Real* dz, Real* nll",
    """
const Real* scores = z + i * k;
Real* d = dz + i;  // dz is (k, n), so that threads side by side write numbers side by side
long long label = labels[i];
Real largest = scores[0];
for (long long j = 1; j < k; ++j) largest = largest >= scores[j] || largest != largest ? largest : scores[j];
Real of_label = scores[label] - largest, sum = 0;
for (long long j = 0; j < k; ++j) {
    d[j * n] = exp(scores[j] - largest);
    sum += d[j * n];
}
const Real share = Real(1) / Real(n);
for (long long j = 0; j < k; ++j) d[j * n] = (d[j * n] / sum - (j == label ? Real(1) : Real(0))) * share;
nll[i] = log(sum) - of_label;
""",
)
