"""Keeps the results of a device in the checkout, and makes page and plots of those of all devices anew."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks import results
from benchmarks.page import page
from benchmarks.plot import draw
from benchmarks.results import Results
from mnistnn.storage.writing import write_atomically


def publish(found: Results, root: Path, sections: Sequence[str] = ()) -> None:
    """Write benchmarks/results/DEVICE.json, benchmarks/steps-DEVICE.svg of each, and BENCHMARKS.md.

    sections  that were measured; the others stay as they are. All if none is named
    """
    folder = root / "benchmarks" / "results"
    folder.mkdir(parents=True, exist_ok=True)
    if sections:
        found = results.renewed(results.read(folder / f"{found.device}.json"), found, sections)
    results.write(found, folder / f"{found.device}.json")
    plots = {}
    for one in results.read_all(folder):
        if steps := one.of("steps"):
            plots[one.device] = f"benchmarks/steps-{one.device}.svg"
            draw(steps, root / plots[one.device])
    write_atomically(root / "BENCHMARKS.md", page(results.read_all(folder), plots).encode())
