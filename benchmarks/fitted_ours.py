"""Fitted models: a support vector machine that is fitted, or asked, and nearest neighbours that are asked."""

import numpy as np

from benchmarks.contender import Prepared, Step
from benchmarks.fitted_digits import digits
from benchmarks.steps_ours import for_life
from benchmarks.workloads import DEGREE, FITTED_TO, NEIGHBOURS, REFERENCES, C, Workload
from mnistnn.backend import jit, threads
from mnistnn.models.fitted.neighbours.nearest_neighbours import NearestNeighbours
from mnistnn.models.fitted.support_vectors.kernel_functions import PolynomialKernel
from mnistnn.models.fitted.support_vectors.svm import SVM

_CLASSES = 10


def prepare(kind: str, workload: Workload, count: int, device: str) -> Prepared:
    for_life.enter_context(jit.Compiled(wanted=True).in_use())
    for_life.enter_context(threads.allowed(count))
    step = {"svm": _fitting, "asked-svm": _asking_svm, "knn": _asking}[workload.model](workload)
    return Prepared(f"NumPy {np.__version__}", count, step)


def _fitting(workload: Workload) -> Step:
    x, labels = digits(workload.folder, workload.batch)
    return lambda: _fitted(x, labels)


def _asking_svm(workload: Workload) -> Step:
    x, labels = digits(workload.folder, FITTED_TO + workload.batch)
    model = _fitted(x[:FITTED_TO], labels[:FITTED_TO])
    return lambda: model.scores(x[FITTED_TO:])


def _fitted(x: np.ndarray, labels: np.ndarray) -> SVM:
    model = SVM(C=C, kernel=PolynomialKernel(degree=DEGREE, offset=1.0, scale=0.5, unit_norm=True))
    model.build((784,), _CLASSES)
    model.allocate(np, "float32")
    for _ in model.fit(x, labels, lambda *_: None):
        pass
    return model


def _asking(workload: Workload) -> Step:
    x, labels = digits(workload.folder, REFERENCES + workload.batch)
    model = NearestNeighbours(neighbours=NEIGHBOURS)
    model.build((784,), _CLASSES)
    model.find_references_by(lambda: bytes(32), lambda: (x[:REFERENCES], labels[:REFERENCES]))
    model.allocate(np, "float32")
    for _ in model.fit(x[:REFERENCES], labels[:REFERENCES], lambda *_: None):
        pass
    return lambda: model.scores(x[REFERENCES:])
