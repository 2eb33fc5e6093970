"""Support vector machines of 2,000 real digits beside scikit-learn's SVC: the same problem and solution."""

import numpy as np
import pytest

from mnistnn.data.spec import Data
from mnistnn.data.splits import read_split
from mnistnn.models.fitted.support_vectors.kernel_functions import PolynomialKernel
from mnistnn.models.fitted.support_vectors.svm import SVM

C, DEGREE = 2.0, 9
COUNT = 2000


def objective(vectors: np.ndarray, beta: np.ndarray) -> float:
    """Return the dual objective Σ|β| − ½ βᵀ K β of a machine."""
    gram = ((vectors @ vectors.T + 1.0) / 2.0) ** DEGREE
    return float(np.abs(beta).sum() - 0.5 * beta @ gram @ beta)


@pytest.mark.slow
def test_rbms_of_digits_are_those_of_scikit_learn(real_mnist):
    svc = pytest.importorskip("sklearn.svm").SVC
    split = read_split(Data(), "train")
    x = split.images.reshape(-1, 784)[: 2 * COUNT].astype(np.float32) / np.float32(255)
    labels = split.labels[: 2 * COUNT].astype(np.int64)
    (x, asked), (labels, _) = np.split(x, 2), np.split(labels, 2)
    model = SVM(C=C, kernel=PolynomialKernel(degree=DEGREE, offset=1.0, scale=0.5, unit_norm=True))
    model.build((784,), 10)
    model.allocate(np, "float64")
    assert len(list(model.fit(x.astype(np.float64), labels, lambda *_: None))) == 45
    rows, rows_asked = (each / np.linalg.norm(each.astype(np.float64), axis=1, keepdims=True) for each in (x, asked))
    outputs, expected = np.empty((2, len(asked), 45))
    for number, (i, j) in enumerate(model.pairs):
        of_pair = np.isin(labels, (i, j))
        y = np.where(labels[of_pair] == i, 1, -1)
        theirs = svc(kernel="poly", degree=DEGREE, gamma=0.5, coef0=0.5, C=C, tol=1e-4).fit(rows[of_pair], y)
        ours = model.supports(number)
        supports = rows[ours.sources[:, 0]]
        assert objective(supports, ours.coefficients) == pytest.approx(
            objective(theirs.support_vectors_, theirs.dual_coef_[0]), rel=1e-3
        )
        outputs[:, number] = ((rows_asked @ supports.T + 1.0) / 2.0) ** DEGREE @ ours.coefficients + ours.bias
        expected[:, number] = theirs.decision_function(rows_asked)
    np.testing.assert_allclose(outputs, expected, atol=1e-2)
    whole = svc(kernel="poly", degree=DEGREE, gamma=0.5, coef0=0.5, C=C, tol=1e-4).fit(rows, labels)
    ours, theirs = model.scores(asked.astype(np.float64)).argmax(axis=1), whole.predict(rows_asked)
    for example in np.flatnonzero(ours != theirs):  # equal numbers of votes: they take the first class, we ask how far
        votes = np.zeros(10)
        for number, (i, j) in enumerate(model.pairs):
            votes[i if expected[example, number] > 0 else j] += 1
        assert votes[ours[example]] == votes[theirs[example]]
    assert (ours != theirs).sum() <= 10
