"""The same models of scikit-learn: SVC with a kernel cache of the same size, KNeighborsClassifier by brute force."""

import numpy as np
import sklearn
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from benchmarks.contender import Prepared, Step, fastest, thread_counts
from benchmarks.fitted_digits import digits
from benchmarks.workloads import CACHE_MB, DEGREE, NEIGHBOURS, REFERENCES, C, Workload


def prepare(kind: str, workload: Workload, count: int, device: str) -> Prepared:
    work = _fitting(workload) if workload.model == "svm" else _asking(workload)

    def use(threads: int) -> Step:
        threadpool_limits(threads)
        return work

    threads, step = fastest(thread_counts(count), use)
    return Prepared(f"scikit-learn {sklearn.__version__}", threads, step)


def _fitting(workload: Workload) -> Step:
    x, labels = digits(workload.folder, workload.batch)
    x /= np.sqrt((x * x).sum(axis=1, keepdims=True))
    # (γ u·v + r)ᵈ with γ = r = ½ is ((u·v + 1)/2)ᵈ.
    return lambda: SVC(kernel="poly", degree=DEGREE, gamma=0.5, coef0=0.5, C=C, cache_size=CACHE_MB).fit(x, labels)


def _asking(workload: Workload) -> Step:
    x, labels = digits(workload.folder, REFERENCES + workload.batch)
    model = KNeighborsClassifier(NEIGHBOURS, algorithm="brute").fit(x[:REFERENCES], labels[:REFERENCES])
    return lambda: model.predict(x[REFERENCES:])
