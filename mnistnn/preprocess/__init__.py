"""Preprocessing: transforms of the pixels, fitted on the training split only, if at all, and kept with the run."""

from typing import Annotated

from pydantic import Field

from mnistnn.preprocess.binarize import Binarize
from mnistnn.preprocess.blur import Blur
from mnistnn.preprocess.contrast import ContrastNormalize
from mnistnn.preprocess.deskew import Deskew
from mnistnn.preprocess.features import Features
from mnistnn.preprocess.normalize_width import NormalizeWidth
from mnistnn.preprocess.pad import Pad
from mnistnn.preprocess.quadratic import Quadratic
from mnistnn.preprocess.scan import Scan
from mnistnn.preprocess.shrink import Shrink
from mnistnn.preprocess.standardize import Standardize
from mnistnn.preprocess.transpose import Transpose
from mnistnn.preprocess.whiten import Whiten

# The registry: every transform that an experiment can name by its `type`.
Preprocess = Annotated[
    Whiten
    | Standardize
    | ContrastNormalize
    | Binarize
    | Transpose
    | Deskew
    | NormalizeWidth
    | Pad
    | Shrink
    | Blur
    | Scan
    | Quadratic
    | Features,
    Field(discriminator="type"),
]
