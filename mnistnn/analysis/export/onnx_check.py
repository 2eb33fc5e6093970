"""The check of an exported model: ONNX Runtime and mnistnn compute the scores of the same images.

The images are validation digits, so that the test split stays sealed; training digits if the run had no others; random
ones if the data set is not in the cache.
"""

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.export.source import Check
from mnistnn.backend import threads
from mnistnn.data.datasets import cache
from mnistnn.errors import CheckFailedError
from mnistnn.experiment.plan import Plan
from mnistnn.types import SplitName

TOLERANCE = 1e-5
"""Of scores, as a part of the largest; of probabilities. Sums in float32, in another order, differ by less."""

EXAMPLES = 1000

_ONLY_ERRORS = 3  # of the levels of ONNX Runtime's log


def checked(content: bytes, plan: Plan, without_preprocess: bool) -> Check:
    """Return how the model in an ONNX file compares with that of the plan. Raises CheckFailedError if it differs."""
    import onnxruntime

    images, kind = _images(plan)
    x, z = _by_mnistnn(plan, images)
    found = run_onnx(content, x if without_preprocess else images)
    loss, scores = plan.task.loss, found[0]
    largest, difference = float(np.abs(z).max()), float(np.abs(scores - z).max())
    probabilities = None
    if len(found) > 1:
        probabilities = float(np.abs(found[1] - loss.probabilities(scores)).max())
    check = Check(
        examples=len(images),
        images=kind,
        by=f"ONNX Runtime {onnxruntime.__version__}",
        scores_difference=difference / largest if largest else difference,
        probabilities_difference=probabilities,
        read_differently=int((loss.predict(scores) != loss.predict(z)).sum()),
    )
    # As `not ... <=`, so that NaN fails.
    same = check.scores_difference <= TOLERANCE and (probabilities is None or probabilities <= TOLERANCE)
    if not same or check.read_differently:
        raise CheckFailedError(f"nothing was written: {described(check)} (allowed: {TOLERANCE:g}, and none)")
    return check


def described(check: Check) -> str:
    """Say in a line what was compared and found."""
    differences = f"scores differ by {check.scores_difference:.1e} of the largest"
    if check.probabilities_difference is not None:
        differences += f", probabilities by {check.probabilities_difference:.1e}"
    compared = f"{check.by} on {check.examples:,} {check.images}"
    return f"{compared}: {differences}; {check.read_differently} classified differently"


def run_onnx(content: bytes, x: NDArray[np.generic]) -> list[NDArray[np.float32]]:
    """Return the outputs of the model in an ONNX file, in their order, for inputs x (n, ...)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ONLY_ERRORS
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    outputs: list[NDArray[np.float32]] = session.run(None, {given.name: x.astype(np.float32)})
    return outputs


def _images(plan: Plan) -> tuple[NDArray[np.uint8], str]:
    """Return up to `EXAMPLES` images (n, h, w), and what they are."""
    data = plan.experiment.data
    if not cache.is_stored(data.dataset):
        rng = np.random.default_rng(0)
        return rng.integers(256, size=(EXAMPLES, *plan.image_shape), dtype=np.uint8), "random images"
    split: SplitName = "valid" if plan.examples["valid"] else "train"
    kind = "validation digits" if split == "valid" else "training digits"
    if split not in plan.streamed:
        return plan.source.images(split).images[:EXAMPLES], kind
    stored = plan.source.open(split).images
    images = np.empty((min(EXAMPLES, stored.shape[0]), *stored.shape[1:]), np.uint8)
    stored.read(0, images)
    return images, kind


def _by_mnistnn(plan: Plan, images: NDArray[np.uint8]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return inputs (n, ...) and scores (n, outputs) of mnistnn's own model."""
    task, batch_size = plan.task, plan.experiment.evaluation.batch_size
    x = plan.inputs.of(images)
    with threads.allowed(plan.threads):
        parts = [task.scores(x[i : i + batch_size]).copy() for i in range(0, len(x), batch_size)]
    return x, np.concatenate(parts)
