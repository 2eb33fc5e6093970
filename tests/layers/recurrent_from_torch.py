"""Renews recurrent_from_torch.json, what PyTorch makes of recurrent layers; to be run where PyTorch is.

build/peers/bin/python tests/layers/recurrent_from_torch.py
"""

import json
from pathlib import Path

STEPS, EXAMPLES, INPUTS, UNITS = 5, 2, 3, 4


def main() -> None:
    import torch

    torch.manual_seed(0)
    cases = {}
    for name, kind, keys in (
        ("recurrent-tanh", torch.nn.RNN, {"nonlinearity": "tanh"}),
        ("recurrent-relu", torch.nn.RNN, {"nonlinearity": "relu"}),
        ("lstm", torch.nn.LSTM, {}),
        ("gru", torch.nn.GRU, {}),
    ):
        for both in (False, True):
            layer = kind(INPUTS, UNITS, batch_first=True, bidirectional=both, dtype=torch.float64, **keys)
            x = torch.randn(EXAMPLES, STEPS, INPUTS, dtype=torch.float64, requires_grad=True)
            y, _ = layer(x)
            dy = torch.randn_like(y)
            (y * dy).sum().backward()
            cases[f"{name}{'-both-ways' if both else ''}"] = {
                "x": x.tolist(),
                "y": y.tolist(),
                "dy": dy.tolist(),
                "dx": x.grad.tolist(),
                "parameters": {key: value.tolist() for key, value in layer.named_parameters()},
                "gradients": {key: value.grad.tolist() for key, value in layer.named_parameters()},
            }
    text = json.dumps({"torch": torch.__version__, "cases": cases})
    Path(__file__).with_suffix(".json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
