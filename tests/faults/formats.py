"""Every file that mnistnn reads, as a table of formats, and the ways in which the tests damage them.

A format gives a whole file, reads a damaged one, and, where the file has checksums, makes them right again after the
damage, so that what lies behind the checksum gets its share.
"""

import bz2
import gzip
import hashlib
import io
import pickle
import random
import re
import shutil
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mnistnn.analysis.comparison.run_diff import difference_of
from mnistnn.analysis.evaluation.results import stored_evaluations
from mnistnn.analysis.identification.identify import identify
from mnistnn.analysis.verification.verify import verify
from mnistnn.config.load import load_experiment
from mnistnn.data.datasets.manifest import read_manifest
from mnistnn.data.formats.course_pickle import decode_course_pickle
from mnistnn.data.formats.found import FoundImages
from mnistnn.data.formats.given import NO_WISHES, Wishes
from mnistnn.data.formats.idx import decode_idx, encode_idx
from mnistnn.data.formats.image_folder import read_image_folder
from mnistnn.data.formats.image_set import TRAIN_IMAGES, ImageSet
from mnistnn.data.formats.kinds import given_file, kind_of
from mnistnn.data.formats.npz import decode_npz
from mnistnn.data.pictures.read import read_picture
from mnistnn.data.spec import Data
from mnistnn.data.splits import read_split
from mnistnn.errors import MnistnnError
from mnistnn.run import checkpoint, transforms
from mnistnn.run.config import load_run_config
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import MetricsFile, read_rows
from mnistnn.run.provenance import read_environment
from mnistnn.run.record import read_record

CANARY = "canary"
# Each would make the file `canary`, should anybody run it.
PAYLOADS = (
    b"cbuiltins\nopen\n(U\x06canaryU\x01wtR",
    b"cos\nsystem\n(U\x0ctouch canarytR",
    b"\x8c\x08builtins\x8c\x04open\x93\x8c\x06canary\x8c\x01w\x86R",
    b'!!python/object/apply:builtins.open ["canary", "w"]',
    b"!!python/object/apply:os.system [touch canary]",
    b"${touch canary}`touch canary`",
)
PIECES = (
    *(
        b"\x00",
        b"\xff" * 4,
        b"\xff" * 8,
        b"\x7f\xff\xff\xff",
        b"\x80\x00\x00\x00",
        b"[" * 3000,
        b'{"a":' * 2000,
        b"NaN",
    ),
    *(
        b"1e999",
        b"-1",
        b"9" * 400,
        b"\n",
        b"\r\n",
        b'"',
        b"null",
        b"true",
        b"&a ",
        b"*a",
        b"<<: ",
        b"!!",
        b"\xe2\x80\xae",
    ),
)
_SLOWEST_S = 20.0
_EVERY = 50  # of the damaged files of a run, the run is verified and compared for each so-manieth


def damaged(content: bytes, draw: random.Random) -> bytes:
    """Return a file with one to three kinds of damage."""
    found = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        at = draw.randrange(len(found) + 1)
        match draw.randrange(9):
            case 0 | 1:
                found[at : at + 1] = bytes([draw.randrange(256)])
            case 2:
                found[at : at + 1] = bytes([found[at] ^ 1 << draw.randrange(8)]) if at < len(found) else b""
            case 3:
                found[at:at] = draw.choice(PIECES)
            case 4:
                piece = draw.choice(PIECES)
                found[at : at + len(piece)] = piece
            case 5:
                del found[at : at + draw.randint(1, 40)]
            case 6:
                start = draw.randrange(len(found) + 1)
                found[at:at] = found[start : start + draw.randint(1, 60)]
            case 7:
                found[at:at] = draw.choice(PAYLOADS)
            case 8:
                del found[at:]
    return bytes(found)


@dataclass(frozen=True)
class Format:
    """One kind of file.

    path    where the file lies; its name is in every refusal, unless `names` says otherwise
    read    reads it; what comes back is compared with what the whole file gives, if the file proves its integrity
    proves  whether a reader must notice any change that means something
    mend    makes the checksums right again after damage done to the content (or to something inside it)
    run     the run that the file belongs to, which is then verified and compared with a whole one, for some damage
    """

    path: Path
    read: Callable[[], Any]
    proves: bool = False
    mend: Callable[[bytes, random.Random], bytes] | None = None
    names: str | None = None
    run: RunDirectory | None = None


@dataclass
class Counts:
    """What became of the damaged files of one format."""

    damaged: int = 0
    refused: int = 0
    accepted: int = 0
    mended: int = 0
    slowest_s: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.damaged} damaged files, {self.mended} of them with checksums made right: {self.refused} refused by "
            f"name, {self.accepted} accepted, slowest {self.slowest_s:.2f} s; 0 violations"
        )


def fuzz(format_: Format, number: int, seed: int) -> Counts:
    """Damage a file so many times; raises AssertionError with the seed of a case that is not handled."""
    whole, counts = format_.path.read_bytes(), Counts()
    expected = _bits(format_.read())
    try:
        for case in range(number):
            draw = random.Random(seed * 1_000_003 + case)
            is_mended = format_.mend is not None and bool(case % 2)
            content = format_.mend(whole, draw) if is_mended and format_.mend else damaged(whole, draw)
            format_.path.write_bytes(content)
            began = time.perf_counter()
            is_refused = False
            try:
                found = format_.read()
            except MnistnnError as error:
                is_refused = True
                counts.refused += 1
                if (name := format_.names or format_.path.name) not in str(error):
                    raise AssertionError(f"case {case}: {name} is not named: {error}") from error
            except Exception as error:
                raise AssertionError(f"case {case} of {format_.path.name}: {error!r}") from error
            else:
                counts.accepted += 1
                is_equal = not format_.proves or is_mended or _bits(found) == expected
                assert is_equal, f"case {case} of {format_.path.name}: an altered file was accepted"
            _look_at(format_, whole, is_refused, case)
            counts.damaged += 1
            counts.mended += is_mended
            counts.slowest_s = max(counts.slowest_s, time.perf_counter() - began)
            assert counts.slowest_s < _SLOWEST_S, f"case {case} of {format_.path.name} took {counts.slowest_s:.1f} s"
    finally:
        format_.path.write_bytes(whole)
    assert not Path(CANARY).exists(), f"{format_.path.name}: a payload was executed"
    return counts


def _look_at(format_: Format, whole: bytes, is_refused: bool, case: int) -> None:
    """Let those look at a damaged file who look at any: `inspect FILE`, `verify`, `diff`. They find words for all."""
    identify(format_.path)
    if format_.run is None or case % _EVERY:
        return
    problems = verify(format_.run).problems
    assert problems or not is_refused, f"case {case} of {format_.path.name}: verify finds nothing"
    copy = format_.run.path.with_name("compared")
    if not copy.exists():
        shutil.copytree(format_.run.path, copy)
        (copy / format_.path.relative_to(format_.run.path)).write_bytes(whole)
    with suppress(MnistnnError):
        difference_of(format_.run, RunDirectory(copy))


def _bits(value: Any) -> Any:
    """Return what can be compared of what a reader returned."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, FoundImages):
        return value.class_names, [_bits(a) for half in value.halves.values() for a in (half.images, half.labels)]
    if isinstance(value, ImageSet):
        return [_bits(a) for half in (value.train, value.test) for a in (half.images, half.labels)]
    if isinstance(value, checkpoint.Checkpoint):
        return _bits(value.tensors), value.state
    if isinstance(value, dict):
        return {key: _bits(item) for key, item in value.items()}
    return value


def formats_of_sets(folder: Path) -> dict[str, Format]:
    """Return the formats in which data sets come."""
    rng = np.random.default_rng(3)
    images, labels = rng.integers(0, 256, (6, 4, 4), dtype=np.uint8), (np.arange(6) % 3).astype(np.uint8)

    def file(name: str, content: bytes) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def reading(path: Path, decode: Callable[[bytes, str], Any]) -> Callable[[], Any]:
        return lambda: decode(path.read_bytes(), str(path))

    def added(path: Path) -> Callable[[], Any]:
        def read() -> FoundImages:
            files = [given_file(path)]
            return kind_of(files).read(files, NO_WISHES)

        return read

    idx = encode_idx(images)
    part = (images.reshape(6, 16).astype("f4") / np.float32(256), labels.astype("i8"))
    pickled = pickle.dumps((part, part, part), protocol=2)
    arrays = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    stored, deflated = io.BytesIO(), io.BytesIO()
    np.savez(stored, **arrays)  # type: ignore[arg-type] # its stub takes allow_pickle for any name
    np.savez_compressed(deflated, **arrays)  # type: ignore[arg-type]
    png = _png(images[0])
    for half in ("train", "test"):
        for label in "01":
            file(f"digits/{half}/{label}/a.png", png)
    paths = {
        "idx": file("train-images.idx", idx),
        "idx.gz": file("train-images.idx.gz", gzip.compress(idx, mtime=0)),
        "pickle": file("mnist.pkl", pickled),
        "pickle.gz": file("mnist.pkl.gz", gzip.compress(pickled, mtime=0)),
        "npz": file("stored.npz", stored.getvalue()),
        "npz deflated": file("deflated.npz", deflated.getvalue()),
    }
    a_png = folder / "digits/train/1/a.png"
    flat, table = folder / "flat", file("labels.csv", b"file,label\na.png,cat\nb.png,dog\nc.png,cat\n")
    for name in "abc":
        file(f"flat/{name}.png", png)
    texts = {
        "csv": file("set.csv", _csv(images, labels)),
        "csv of words and decimals": file("words.csv", b"pixel0,pixel1,pixel2,pixel3,class\n0,.5,1,0,b\n1,0,0,1,a\n"),
        "csv.gz": file("set.csv.gz", gzip.compress(_csv(images, labels), mtime=0)),
        "libsvm": file("set.svm", _libsvm(images, labels)),
        "libsvm.bz2": file("set.svm.bz2", bz2.compress(_libsvm(images, labels))),
    }
    mats = {
        "mat": file("stored.mat", _mat(images, labels, False)),
        "mat deflated": file("d.mat", _mat(images, labels, True)),
    }
    pictures = file(
        "pictures.zip", _zip({f"set/{half}/{label}/a.png": png for half in ("train", "test") for label in "01"})
    )
    return {
        "idx": Format(paths["idx"], reading(paths["idx"], decode_idx)),
        "idx.gz": Format(paths["idx.gz"], reading(paths["idx.gz"], decode_idx), True, mend_gzip),
        "pickle": Format(paths["pickle"], reading(paths["pickle"], decode_course_pickle)),
        "pickle.gz": Format(paths["pickle.gz"], reading(paths["pickle.gz"], decode_course_pickle), True, mend_gzip),
        "npz": Format(paths["npz"], reading(paths["npz"], decode_npz), False, mend_zip),
        "npz deflated": Format(paths["npz deflated"], reading(paths["npz deflated"], decode_npz), False, mend_zip),
        **{kind: Format(path, added(path), kind == "csv.gz") for kind, path in texts.items()},
        "mat": Format(mats["mat"], added(mats["mat"])),
        "mat deflated": Format(mats["mat deflated"], added(mats["mat deflated"]), False, mend_mat),
        "table of labels": Format(table, lambda: read_image_folder(flat, Wishes(labels=table))),
        "zip of pictures": Format(pictures, added(pictures), False, mend_zip),
        "png": Format(a_png, lambda: read_image_folder(folder / "digits"), False, mend_png, names="digits"),
        **{kind: _picture(file(f"own.{kind.replace(' ', '.')}", content)) for kind, content in _pictures(rng).items()},
    }


def _csv(images: np.ndarray, labels: np.ndarray) -> bytes:
    names = ",".join(f"pixel{number}" for number in range(images[0].size))
    rows = (",".join(map(str, [label, *image.ravel()])) for image, label in zip(images, labels, strict=True))
    return "\n".join(["label," + names, *rows, ""]).encode()


def _libsvm(images: np.ndarray, labels: np.ndarray) -> bytes:
    lines = [
        " ".join([str(label), *(f"{at}:{value}" for at, value in enumerate(image.ravel(), start=1) if value)])
        for image, label in zip(images, labels, strict=True)
    ]
    return "\n".join([*lines, ""]).encode()


def _mat(images: np.ndarray, labels: np.ndarray, compressed: bool) -> bytes:
    """Return a MAT-file as SciPy writes it, with a struct inside of a struct."""
    from scipy.io import savemat

    part = {"images": images.reshape(len(images), -1), "labels": labels[:, None]}
    buffer = io.BytesIO()
    savemat(buffer, {"dataset": {"train": part, "test": part, "mapping": np.eye(3)}}, do_compression=compressed)
    return buffer.getvalue()


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _picture(path: Path) -> Format:
    return Format(path, lambda: read_picture(path).grey)


def _pictures(rng: np.random.Generator) -> dict[str, bytes]:
    """Return pictures of one's own, by what they are: as `predict` and `data add` take them."""
    from PIL import Image

    colours = Image.fromarray(rng.integers(0, 256, (9, 7, 4), dtype=np.uint8))
    grey = colours.convert("L")

    def encoded(image: Image.Image, kind: str) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, kind)
        return buffer.getvalue()

    array = io.BytesIO()
    np.save(array, np.asarray(colours))
    return {
        "alpha png": encoded(colours, "PNG"),
        "palette png": encoded(colours.convert("RGB").quantize(5), "PNG"),
        "colour jpg": encoded(colours.convert("RGB"), "JPEG"),
        "grey pgm": encoded(grey, "PPM"),
        "colour npy": array.getvalue(),
    }


LAYERS_EXPERIMENT = """\
name: layers
data: {dataset: toy}
model:
  type: sequential
  layers:
    output: {type: dense, units: 4}
    dropped: {type: dropout, after: hidden}
    hidden: {type: dense, units: 5, activation: relu, before: output}
optimizer: {type: sgd, learning_rate: 0.2}
stopping: [{type: max_epochs, epochs: 2}]
"""


def formats_of_runs(run: RunDirectory, experiment: Path, manifest: Path) -> dict[str, Format]:
    """Return the formats of a finished run with a fitted transform, of its experiment and a committee beside it, and of
    its data set."""
    (newest, *_) = checkpoint.newest_first(run.checkpoints)
    committee, layers = experiment.with_name("committee.yaml"), experiment.with_name("layers.yaml")
    layers.write_text(LAYERS_EXPERIMENT)
    (transform,) = (run.path / "preprocess").iterdir()
    kind = transform.stem.partition("-")[2]
    (evaluation,) = run.evaluations.glob("*.json")
    toy = Data(dataset="toy", validation_examples=60)
    images = manifest.with_name(TRAIN_IMAGES)
    metrics = MetricsFile(run.metrics)
    metrics.close()
    rows = run.metrics.read_bytes()
    digest = hashlib.sha256(rows).hexdigest()
    return {
        "experiment": Format(experiment, lambda: load_experiment(experiment).resolved),
        "experiment with layers put in": Format(layers, lambda: load_experiment(layers).resolved),
        "committee": Format(committee, lambda: load_experiment(committee).resolved),
        "config.yaml": Format(run.config, lambda: load_run_config(run).resolved, True, run=run),
        "checkpoint": Format(newest, lambda: checkpoint.read(newest), True, mend_sealed, run=run),
        "transform": Format(transform, lambda: transforms.read(transform, kind), True, mend_sealed, run=run),
        "metrics.jsonl": Format(run.metrics, lambda: read_rows(run.metrics), run=run),
        "metrics.jsonl on resume": Format(run.metrics, lambda: metrics.cut_back(len(rows), digest), True, run=run),
        "run.json": Format(run.record, lambda: read_record(run), run=run),
        "environment.json": Format(run.environment, lambda: read_environment(run), run=run),
        "manifest.json": Format(manifest, lambda: read_manifest(manifest.parent)),
        "stored set": Format(images, lambda: read_split(toy, "train").images, True),
        "evaluation": Format(evaluation, lambda: stored_evaluations(run), run=run),
    }


def mend_gzip(whole: bytes, draw: random.Random) -> bytes:
    """Damage what is compressed, and compress it again."""
    return gzip.compress(damaged(gzip.decompress(whole), draw), compresslevel=1, mtime=0)


def mend_zip(whole: bytes, draw: random.Random) -> bytes:
    """Damage one member of an archive, and write the archive anew."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        names = old.namelist()
        victim = draw.choice(names)
        for name in names:
            content = old.read(name)
            # Its header is a small part of a member, but the part that a reader believes.
            content = damaged(content[:80], draw) + content[80:] if name == victim else content
            new.writestr(name, content)
    return buffer.getvalue()


def mend_mat(whole: bytes, draw: random.Random) -> bytes:
    """Damage what is inside of a compressed element, and compress it again."""
    (length,) = struct.unpack("<I", whole[132:136])
    inner = zlib.compress(damaged(zlib.decompress(whole[136 : 136 + length]), draw))
    return whole[:132] + struct.pack("<I", len(inner)) + inner + whole[136 + length :]


def mend_png(whole: bytes, draw: random.Random) -> bytes:
    """Damage the content of one chunk, and write its length and checksum anew."""
    chunks, at = [], 8
    while at < len(whole):
        (length,) = struct.unpack(">I", whole[at : at + 4])
        chunks.append((whole[at + 4 : at + 8], whole[at + 8 : at + 8 + length]))
        at += 12 + length
    victim = draw.randrange(len(chunks))
    name, body = chunks[victim]
    if name == b"IDAT" and draw.random() < 0.5:
        body = zlib.compress(damaged(zlib.decompress(body), draw))
    else:
        body = damaged(body, draw)
    chunks[victim] = (name, body)
    return whole[:8] + b"".join(map(_chunk, *zip(*chunks, strict=True)))


def mend_sealed(whole: bytes, draw: random.Random) -> bytes:
    """Damage a sealed file and put the digest in that its content now has, if there is still a place for it."""
    length = int.from_bytes(whole[:8], "little")
    header = damaged(whole[8 : 8 + length], draw)
    content = bytearray(len(header).to_bytes(8, "little") + header + whole[8 + length :])
    digest = re.search(rb'sha256\\*": *\\*"([0-9a-f]{64})', content)
    if digest:
        at = digest.start(1)
        content[at : at + 64] = b"0" * 64
        content[at : at + 64] = hashlib.sha256(content).hexdigest().encode()
    return bytes(content)


def _png(image: np.ndarray) -> bytes:
    height, width = image.shape
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
