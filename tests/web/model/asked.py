"""What tests of the page of a model ask by: the app, about one run, with its token."""

import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mnistnn.run.directory import RunDirectory
from mnistnn.web.app import create_app
from mnistnn.web.listing import Listing, id_of
from tests.web.test_guard import AUTHORIZED, TOKEN, testclient

SIDE = 140


def client_of(run: Path, *others: Path, app: Any = None) -> Any:
    """Return a client whose paths are those below /api/run/ID of a run; others are listed beside it."""
    runs = [RunDirectory(each) for each in (run, *others)]
    app = app or create_app(Listing(Path("runs"), runs), TOKEN)
    base_url = f"http://127.0.0.1:8000/api/run/{id_of(runs[0])}"
    return testclient.TestClient(app, base_url=base_url, headers=AUTHORIZED)


def unpacked(body: bytes) -> tuple[dict[str, Any], Callable[[Mapping[str, Any]], np.ndarray]]:
    """Return the JSON of an answer, and what takes an array out of it."""
    (length,) = struct.unpack_from("<I", body)
    numbers = np.frombuffer(body, "<f4", offset=4 + length)

    def values(of: Mapping[str, Any]) -> np.ndarray:
        size = int(np.prod(of["shape"], dtype=int))
        return numbers[of["offset"] : of["offset"] + size].reshape(of["shape"])

    return json.loads(body[4 : 4 + length]), values


def drawing(width: int = 9) -> np.ndarray:
    """Return a stroke down the sheet, and one across: 255 is ink."""
    sheet = np.zeros((SIDE, SIDE), np.uint8)
    sheet[30:110, 65 : 65 + width] = 255
    sheet[30 : 30 + width, 40:100] = 180
    return sheet
