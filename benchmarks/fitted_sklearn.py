"""The same models of scikit-learn: SVC with a kernel cache of the same size, KNeighborsClassifier by brute force."""

import numpy as np
import sklearn
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from benchmarks.contender import Prepared, Step, fastest, thread_counts
from benchmarks.fitted_digits import digits
from benchmarks.workloads import CACHE_MB, DEGREE, FITTED_TO, NEIGHBOURS, REFERENCES, C, Workload


def prepare(kind: str, workload: Workload, count: int, device: str) -> Prepared:
    work = {"svm": _fitting, "asked-svm": _asking_svm, "knn": _asking}[workload.model](workload)

    def use(threads: int) -> Step:
        threadpool_limits(threads)
        return work

    threads, step = fastest(thread_counts(count), use)
    return Prepared(f"scikit-learn {sklearn.__version__}", threads, step)


def _fitting(workload: Workload) -> Step:
    x, labels = digits(workload.folder, workload.batch)
    x = _of_unit_length(x)
    return lambda: _svc().fit(x, labels)


def _asking_svm(workload: Workload) -> Step:
    x, labels = digits(workload.folder, FITTED_TO + workload.batch)
    x = _of_unit_length(x)
    model = _svc().fit(x[:FITTED_TO], labels[:FITTED_TO])
    return lambda: model.predict(x[FITTED_TO:])


def _svc() -> SVC:
    # (γ u·v + r)ᵈ with γ = r = ½ is ((u·v + 1)/2)ᵈ.
    return SVC(kernel="poly", degree=DEGREE, gamma=0.5, coef0=0.5, C=C, cache_size=CACHE_MB)


def _of_unit_length(x: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x * x).sum(axis=1, keepdims=True))


def _asking(workload: Workload) -> Step:
    x, labels = digits(workload.folder, REFERENCES + workload.batch)
    model = KNeighborsClassifier(NEIGHBOURS, algorithm="brute").fit(x[:REFERENCES], labels[:REFERENCES])
    return lambda: model.predict(x[REFERENCES:])
