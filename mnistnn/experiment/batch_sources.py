"""The batches that an experiment trains on: cut from memory or read from the disk, distorted, repeated."""

import numpy as np

from mnistnn.augment.prefetch import AugmentedBatches
from mnistnn.backend.arrays import module_for, to_host
from mnistnn.config.schema import Experiment
from mnistnn.data.examples import Examples
from mnistnn.data.repeated import RepeatedBatches
from mnistnn.data.splits import StoredSplit
from mnistnn.data.streamed import StreamedBatches
from mnistnn.experiment.inputs import Inputs
from mnistnn.training.loop import BatchSource


def batches_of(experiment: Experiment, inputs: Inputs, train: Examples, on_disk: StoredSplit | None) -> BatchSource:
    """Return the batches of the training split, or of the one that stays `on_disk`.

    Images are distorted on the host, so those that are to be stay there until their batch goes to the device.
    """
    augment, device = experiment.augment, module_for(experiment.backend.device)
    batches: BatchSource
    if on_disk is not None:
        xp = device if augment is None else np
        batches = StreamedBatches(
            experiment.batches, on_disk.images, on_disk.labels, experiment.seed, inputs.maker(xp), xp
        )
    else:
        of_host = augment is not None
        x, labels = (to_host(train.x), to_host(train.labels)) if of_host else (train.x, train.labels)
        experiment.batches.bind(x, labels, experiment.seed)
        batches = experiment.batches
    if augment is not None:
        augment.begin(experiment.seed, batches.examples_per_epoch)
        batches = AugmentedBatches(batches, augment, device)
    return RepeatedBatches(batches, experiment.batches.updates) if experiment.batches.updates > 1 else batches
