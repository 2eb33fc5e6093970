"""An output for each class: what a network needs to learn from other classes than those it was written for."""

from mnistnn.layers.dense import Dense
from mnistnn.losses.contract import PerClassLoss
from mnistnn.models.sequential import Sequential


def overrides_for_classes(model: object, loss: object, classes: int) -> list[str]:
    """Return the overrides by which the last layer of a network has an output for each class, if that is what its loss
    needs. Of other models none: they find out how many classes there are.
    """
    if not isinstance(model, Sequential) or not isinstance(loss, PerClassLoss):
        return []
    name, last = list(model.layers.items())[-1]
    if not isinstance(last, Dense) or last.units == classes:
        return []
    return [f"model.layers.{name}.units={classes}"]
