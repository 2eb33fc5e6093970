"""All that is claimed of a component, by its kind."""

from collections.abc import Iterator

from mnistnn.analysis.inspection.component import fitted_models, layers, losses, optimizers, policies, transforms
from mnistnn.analysis.inspection.component.findings import Claim, Finding, findings
from mnistnn.analysis.inspection.component.subject import Subject
from mnistnn.errors import UsageError
from mnistnn.types import Shape


def judge(subject: Subject, shape: Shape | None = None) -> Iterator[Finding]:
    """Yield what is found of a component, claim by claim.

    shape  of the examples that layers and transforms are tried with, instead of several that are usual
    """
    return findings(_claims(subject, shape))


def _claims(subject: Subject, shape: Shape | None) -> Iterator[Claim]:
    make = subject.make
    match subject.kind:
        case "layer":
            return layers.claims(make, layers.SHAPES if shape is None else [shape])
        case "transform":
            return transforms.claims(make, transforms.SHAPES if shape is None else [shape])
    if shape is not None:
        raise UsageError(f"--input-shape is for layers and transforms, and {subject.name} is none")
    match subject.kind:
        case "optimizer":
            return optimizers.claims(make)
        case "loss":
            return losses.claims(make)
        case "policy":
            return policies.claims(make)
        case "fitted_model":
            return fitted_models.claims(make)
