"""What a file is: every kind, whole and damaged, and files made to do harm."""

import gzip
import io
import json
import os
import pickle
import random
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from mnistnn.analysis.evaluation.results import evaluate
from mnistnn.analysis.identification.identify import identify
from mnistnn.analysis.plots.contact_sheet import encode_png
from mnistnn.data.formats.idx import encode_idx
from mnistnn.storage.sealed_tensors import seal

IMAGES = np.arange(12 * 16, dtype=np.uint8).reshape(12, 4, 4)
LABELS = (np.arange(12) % 3).astype(np.uint8)
EXPERIMENT = """\
# What it shows.
extends: null
name: small
model: {type: sequential, layers: {output: {type: dense, units: 10}}}
optimizer: {type: sgd, learning_rate: 0.1}
stopping: [{type: max_epochs, epochs: 1}]
"""


def npz():
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:5], y_test=LABELS[:5])
    return buffer.getvalue()


def course_pickle(protocol=2):
    part = ((IMAGES.reshape(12, 16) / 256).astype("f4"), LABELS.astype("i8"))
    return pickle.dumps((part, part, part), protocol=protocol)


def contents():
    """Return content by kind and name of files that need no run."""
    return {
        ("idx", "images"): encode_idx(IMAGES),
        ("idx", "labels.gz"): gzip.compress(encode_idx(LABELS)),
        ("npz", "set.npz"): npz(),
        ("pickle", "mnist.pkl.gz"): gzip.compress(course_pickle()),
        ("pickle", "mnist.pkl"): course_pickle(protocol=1),
        ("png", "picture.png"): encode_png(IMAGES[0]),
        ("safetensors", "foreign"): save({"a": np.zeros((2, 3), np.float32)}, metadata={"format": "pt"}),
        ("transform", "0-whiten"): seal({"mean": np.zeros(3)}, 1, {"type": "whiten"}),
        ("experiment", "small.yaml"): EXPERIMENT.encode(),
        ("experiment", "small.txt"): EXPERIMENT.encode(),
    }


@pytest.fixture(scope="module")
def made(toy_cache, toy_text, tmp_path_factory) -> dict[Path, str]:
    """The kind of each of many whole files, by path: a set, a run, and all that needs none."""
    from mnistnn.config.load import load_experiment
    from mnistnn.experiment.plan import Plan
    from mnistnn.runner import session

    folder = tmp_path_factory.mktemp("made")
    kinds = {}
    for (kind, name), content in contents().items():
        (folder / name).write_bytes(content)
        kinds[folder / name] = kind
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTNN_DATA", str(toy_cache))
        patch.setattr(os, "fsync", lambda descriptor: None)
        (folder / "toy.yaml").write_text(toy_text)
        plan = Plan(load_experiment(folder / "toy.yaml"))
        run = session.start(plan, folder / "run", folder, session.Verbosity(shown=False)).run
        evaluate(run, "valid", "best", lambda text: None)
    kinds |= {
        run.record: "run",
        run.environment: "environment",
        run.config: "experiment",
        run.metrics: "metrics",
        run.timing: "timing",
        run.checkpoints / "step-0000000060.safetensors": "checkpoint",
        run.checkpoints / "best.json": "best",
        run.evaluations / "valid-best.json": "evaluation",
        toy_cache / "datasets" / "toy" / "manifest.json": "manifest",
    }
    return kinds


@pytest.fixture
def path(toy) -> Path:
    return Path("file")


def test_whole_files_are_identified(toy, made):
    for path, kind in made.items():
        found = identify(path)
        assert (found.kind, found.problem) == (kind, None), path.name
        json.dumps(found.about, allow_nan=False)


def test_checkpoint_is_described(toy, made):
    about = identify(next(path for path, kind in made.items() if kind == "checkpoint")).about
    assert (about["format"], about["digest_ok"], about["updates"], about["epoch"]) == (1, True, 60, 6)
    assert about["tensors"]["theta"] == {"dtype": "F32", "shape": [832]}
    assert about["best"]["epoch"] in range(1, 7)


def test_data_files_are_described(path):
    path.write_bytes(encode_idx(LABELS))
    assert identify(path).about == {"holds": "labels", "shape": [12], "dtype": "uint8", "class_counts": [4, 4, 4]}
    path.write_bytes(npz())
    assert identify(path).about["test"]["images"] == {"shape": [5, 4, 4], "dtype": "uint8"}
    path.write_bytes(course_pickle())
    assert identify(path).about["train"]["labels"] == {"shape": [24], "dtype": "uint8"}


def test_mistakes_of_an_experiment_are_counted(toy):
    Path("wrong.yaml").write_text(EXPERIMENT.replace("units: 10", "unit: 10").replace("name:", "nmae:"))
    found = identify(Path("wrong.yaml"))
    assert found.kind == "experiment"
    assert found.about["mistakes"] == 2
    assert found.problem is not None
    assert "\n" not in found.problem


def test_rows_are_counted_and_the_last_is_shown(toy, made):
    about = identify(next(path for path, kind in made.items() if kind == "metrics")).about
    assert (about["rows"], about["last"]["epoch"]) == (6, 6)


def test_altered_checkpoint_is_still_called_one(path, made):
    content = bytearray(next(path for path, kind in made.items() if kind == "checkpoint").read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    found = identify(path)
    assert (found.kind, found.about["digest_ok"]) == ("checkpoint", False)
    assert found.problem == "altered or damaged (its SHA-256 does not match its content)"


@pytest.mark.parametrize(("about", "kind"), [({"state": {}}, "checkpoint"), ({"type": "x"}, "transform")])
def test_newer_format_is_refused_by_number(path, about, kind):
    path.write_bytes(seal({"theta": np.zeros(2)}, 2, about))
    found = identify(path)
    assert (found.kind, found.problem) == (kind, f"{kind} format 2; this mnistnn reads format 1")


def test_every_truncation_is_a_problem(path, made):
    for whole in made:
        content = whole.read_bytes()
        if whole.suffix in (".yaml", ".txt"):
            continue  # a shorter text may be a whole experiment
        for length in sorted({0, 1, 4, 8, len(content) // 2, len(content) - 2}):
            while content[:length].endswith(b"\n"):  # fewer rows are whole rows
                length -= 1
            path.write_bytes(content[:length])
            assert identify(path).problem, (whole.name, length)


def test_random_bytes_are_unknown(path):
    rng = random.Random(0)
    for _ in range(200):
        path.write_bytes(rng.randbytes(rng.choice([1, 8, 100, 5000])))
        assert identify(path).problem


def test_mutated_files_give_a_message_at_most(path, made):
    rng = random.Random(1)
    for whole in made:
        content = whole.read_bytes()
        for _ in range(25):
            mutated = bytearray(content)
            for _ in range(rng.choice([1, 1, 3, 20])):
                mutated[rng.randrange(min(len(mutated), rng.choice([12, 400, len(mutated)])))] = rng.randrange(256)
            path.write_bytes(mutated)
            json.dumps(identify(path).about, allow_nan=False)


def safetensors_with(header: bytes, length: int | None = None, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def png_with(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def entry(shape, offsets, dtype="F32"):
    return json.dumps({"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}).encode()


HOSTILE = {
    "safetensors: header larger than the file": safetensors_with(b"{}", length=2**62),
    "safetensors: vast shape": safetensors_with(entry([2**40, 2**40], [0, 8]), data=bytes(8)),
    "safetensors: shape of enormous numbers": safetensors_with(entry([10**4000] * 300, [0, 8]), data=bytes(8)),
    "safetensors: negative size": safetensors_with(entry([-2, -1], [0, 8]), data=bytes(8)),
    "safetensors: offsets beyond the file": safetensors_with(entry([2], [8, 16]), data=bytes(8)),
    "safetensors: unknown type": safetensors_with(entry([2], [0, 8], "OBJECT"), data=bytes(8)),
    "safetensors: deep header": safetensors_with(b'{"a":' + b"[" * 50_000),
    "safetensors: list for an array": safetensors_with(b'{"a": []}   '),
    "safetensors: metadata that is none": safetensors_with(b'{"__metadata__": {"mnistnn": "[]"}}'),
    "safetensors: infinite format": safetensors_with(
        json.dumps({"__metadata__": {"mnistnn": '{"sha256": "a", "format": 1e999, "state": 1}'}}).encode()
    ),
    "idx: vast shape": struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 2**31),
    "idx: one GiB claimed in a small gz": gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 2**10, 2**10, 2**10)),
    "gz: of something else": gzip.compress(b"text"),
    "gz: bomb": gzip.compress(struct.pack(">HBBI", 0, 8, 1, 5) + bytes(10**7)),
    "npz: nothing inside": b"PK\x03\x04" + bytes(100),
    "pickle: code": pickle.dumps(os.system),
    "json: deep": b'{"a": ' + b"[" * 200_000,
    "json: deep rows": b'{"epoch": 1, "updates": 1, "train.loss": ' + b"[" * 200_000 + b"\n",
    "json: row that is no number": b'{"epoch": 1, "updates": NaN, "train.loss": 1e999}\n',
    "json: long number": b'{"epoch": ' + b"9" * 100_000 + b', "updates": 1, "train.loss": 1}\n',
    "json: nobody's": b'{"mine": 1}\n',
    "json: record of nonsense": b'{"config_hash": [], "status": {}, "threads": "x", "schema_version": 1}',
    "png: impossible chunk": b"\x89PNG\r\n\x1a\n" + b"\xff" * 30,
    "png: no head": png_with((b"IEND", b"")),
    "png: no size": png_with((b"IHDR", bytes(13)), (b"IEND", b"")),
    "png: more after the end": png_with((b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), (b"IEND", b"")) + b"x",
    "yaml: bomb": b"model: &a [1]\n" + b"".join(b"x%d: &x%d [*a, *a]\n" % (i, i) for i in range(5000)),
    "yaml: deep": b"model: " + b"[" * 50_000,
    "yaml: not UTF-8": b"model: \xff\n",
    "yaml: code": b"model: !!python/object/apply:os.system [touch canary]\n",
    "text": b"Dear reader,\n",
    "nothing": b"",
    "zeros": bytes(5000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_a_message_in_little_time(path, name):
    path.write_bytes(HOSTILE[name])
    began = time.process_time()
    found = identify(path)
    assert time.process_time() - began < 2.0
    assert found.problem
    assert "\n" not in found.problem
    json.dumps(found.about, allow_nan=False)
    assert not Path("canary").exists()


def test_what_is_no_file_is_refused_and_not_waited_for(toy):
    os.mkfifo("pipe")
    os.symlink("loop", "loop")
    os.mkdir("folder")
    problems = {name: identify(Path(name)).problem for name in ("pipe", "loop", "folder", "gone", "/dev/zero")}
    assert problems["pipe"] == problems["/dev/zero"] == "is not a regular file"
    assert problems["folder"] == "cannot be read: is a directory"
    assert problems["gone"] == "cannot be read: no such file or directory"
    assert "symbolic links" in str(problems["loop"])


def test_huge_sparse_file_of_no_kind_is_not_read(path):
    path.touch()
    os.truncate(path, 1 << 40)
    assert identify(path).problem == "nothing that mnistnn reads or writes begins like this"
