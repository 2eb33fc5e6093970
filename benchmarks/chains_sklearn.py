"""An update of scikit-learn's restricted Boltzmann machine: `BernoulliRBM.partial_fit`.

One call is one update by persistent chains of one step, as many chains as there are examples in it.
"""

import numpy as np
import sklearn
from sklearn.neural_network import BernoulliRBM
from threadpoolctl import threadpool_limits

from benchmarks.contender import Prepared, Step, examples, fastest, thread_counts
from benchmarks.workloads import Workload


def prepare(kind: str, workload: Workload, count: int, device: str) -> Prepared:
    x = np.random.default_rng(0).random(examples(workload), dtype=np.float32)
    model = BernoulliRBM(
        n_components=workload.sizes[1], learning_rate=0.01, batch_size=workload.batch, n_iter=1, random_state=0
    )
    model.fit(x)  # in the dtype of x, which a first partial_fit is not
    assert model.components_.dtype == np.float32

    def use(threads: int) -> Step:
        threadpool_limits(threads)
        return lambda: model.partial_fit(x)

    threads, step = fastest(thread_counts(count), use)
    return Prepared(f"scikit-learn {sklearn.__version__}", threads, step)
