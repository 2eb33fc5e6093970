"""Nearest neighbours of queries on the stand-in: found there, and the same as on the host."""

from typing import Any

import numpy as np
import pytest

from mnistnn.models.fitted.neighbours.cascade import Stage
from mnistnn.models.fitted.neighbours.distances import Euclidean
from mnistnn.models.fitted.neighbours.nearest_neighbours import NearestNeighbours
from tests.device.array import DeviceArray
from tests.models.fitted.test_nearest_neighbours import CLASSES, DEFORMING, DIGEST, images, labels

DISTANCES: dict[str, Any] = {"euclidean": Euclidean(), **{name: each for name, (each, _) in DEFORMING.items()}}


@pytest.mark.parametrize("kind", DISTANCES)
@pytest.mark.parametrize("place", ["device", "host"])
def test_scores_on_a_device_are_those_of_the_host(cupy, traffic, kind, place):
    """Whether the references are there already or were fitted on the host."""
    x, y, queries = images(60, 1, "float32"), labels(60), images(12, 2, "float32")
    stages = [Stage(distance=Euclidean(blur_px=0.7), keep=20, agree=3)]
    scores = []
    with traffic.under("any"):
        for on_device in (False, True):
            model = NearestNeighbours(distance=DISTANCES[kind], preselect=stages)
            model.build(x.shape[1:], CLASSES)
            model.find_references_by(lambda: DIGEST, lambda: (x, y))
            xp = cupy if on_device and place == "device" else np
            model.allocate(xp, "float32")
            list(model.fit(xp.asarray(x), xp.asarray(y), lambda *_: None))
            given = cupy.asarray(queries) if on_device else queries
            found = model.scores(given)
            assert isinstance(found, DeviceArray) == on_device
            scores.append(cupy.asnumpy(found))
            assert [*model.examples_per_stage.values()][1] > 0
    assert np.array_equal(*scores)
