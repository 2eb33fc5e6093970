"""The formats in which a result can be exported."""

from collections.abc import Callable
from dataclasses import dataclass

from mnistnn.analysis.export.as_csv import as_csv
from mnistnn.analysis.export.as_features import as_features
from mnistnn.analysis.export.as_npz import as_npz
from mnistnn.analysis.export.as_onnx import as_onnx
from mnistnn.analysis.export.as_safetensors import as_safetensors
from mnistnn.analysis.export.as_tensorboard import as_tensorboard
from mnistnn.analysis.export.source import Product, Source


@dataclass(frozen=True)
class Format:
    """How a file is made, and what it needs.

    ending              of the name of the file, or of the folder that it lies in
    needs               modules of the extra `export`
    in_folder           whether the file lies in a folder of its own
    of_model            whether it holds the parameters of a checkpoint
    takes_several       whether it holds several runs
    knows_preprocessing whether it holds the preprocessing as something that can be left out
    """

    encode: Callable[[Source], Product]
    ending: str
    needs: tuple[str, ...] = ()
    in_folder: bool = False
    of_model: bool = True
    takes_several: bool = False
    knows_preprocessing: bool = False


FORMATS: dict[str, Format] = {
    "onnx": Format(as_onnx, ".onnx", needs=("onnx", "onnxruntime"), knows_preprocessing=True),
    "safetensors": Format(as_safetensors, ".safetensors"),
    "npz": Format(as_npz, ".npz"),
    "features": Format(as_features, "-features.safetensors"),
    "csv": Format(as_csv, ".csv", of_model=False, takes_several=True),
    "tensorboard": Format(as_tensorboard, "-tensorboard", needs=("tensorboardX", "PIL"), in_folder=True),
}
