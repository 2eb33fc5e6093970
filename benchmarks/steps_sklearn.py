"""A training step of scikit-learn: `MLPClassifier.partial_fit` on the batch, solver sgd.

One call is one epoch over what it is given, and the batch size is all of it: one update. float32 stays float32. Beside
forward, backward and update each call validates its input and turns labels into indicators, which is part of what a
step costs who trains with it. There is no net without a hidden layer, and no convolution.
"""

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from benchmarks.contender import Prepared, Step, examples, fastest, thread_counts
from benchmarks.workloads import Workload


def prepare(kind: str, workload: Workload, count: int, device: str) -> Prepared:
    rng = np.random.default_rng(0)
    x, labels = rng.random(examples(workload), dtype=np.float32), rng.integers(10, size=workload.batch)
    model = MLPClassifier(
        hidden_layer_sizes=workload.sizes[1:-1],
        activation=workload.activation,
        solver="sgd",
        alpha=2 * workload.l2 * workload.batch,  # it adds α/(2n) ‖W‖²
        batch_size=workload.batch,
        learning_rate_init=0.01,
        momentum=workload.momentum,
        nesterovs_momentum=False,
        shuffle=False,
        random_state=0,
    )
    model.partial_fit(x, labels, classes=np.arange(10))
    assert model.coefs_[0].dtype == np.float32

    def use(threads: int) -> Step:
        threadpool_limits(threads)
        return lambda: model.partial_fit(x, labels)

    threads, step = fastest(thread_counts(count), use)
    return Prepared(f"scikit-learn {sklearn.__version__}", threads, step)
