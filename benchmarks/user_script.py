"""The program that a user of PyTorch would write: a Dataset over MNIST's files, a DataLoader, eager training.

`python user_script.py NET FOLDER --epochs N --batch N --rate R`. It does what `mnistnn train` and `mnistnn eval` do
together: trains on 50 000 digits, measures the other 10 000 after every epoch and the test digits at the end. An item
becomes a tensor as by torchvision's ToTensor, without the detour over an image of PIL, which costs more.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset

NETS = {
    "mlp": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 500), nn.Tanh(), nn.Linear(500, 10)),
    "softmax": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)),
    "lenet": lambda: nn.Sequential(
        *(nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)),
    ),
}


class Digits(Dataset):
    """The images and labels of one pair of IDX files."""

    def __init__(self, folder: Path, which: str) -> None:
        images = np.fromfile(folder / f"{which}-images-idx3-ubyte", dtype=np.uint8)[16:]
        labels = np.fromfile(folder / f"{which}-labels-idx1-ubyte", dtype=np.uint8)[8:]
        self.images = torch.from_numpy(images.reshape(len(labels), 28, 28))
        self.labels = torch.from_numpy(labels.astype(np.int64))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.images[index].unsqueeze(0).float().div(255), int(self.labels[index])


def error(model: nn.Module, digits: Dataset) -> float:
    """Return the fraction of digits that are misclassified."""
    model.eval()
    wrong = 0
    with torch.no_grad():
        for x, labels in DataLoader(digits, batch_size=1000):
            wrong += int((model(x).argmax(1) != labels).sum())
    return wrong / len(digits)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("net", choices=NETS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    options = parser.parse_args()
    digits = Digits(options.folder, "train")
    train, valid = Subset(digits, range(50_000)), Subset(digits, range(50_000, 60_000))
    model = NETS[options.net]()
    optimizer = torch.optim.SGD(model.parameters(), lr=options.rate)
    for epoch in range(options.epochs):
        model.train()
        for x, labels in DataLoader(train, batch_size=options.batch, shuffle=True):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), labels).backward()
            optimizer.step()
        print(f"epoch {epoch + 1}: validation error {error(model, valid):.4f}")  # noqa: T201
    print(f"test error {error(model, Digits(options.folder, 't10k')):.4f}")  # noqa: T201


if __name__ == "__main__":
    main()
