"""What the page asks of a run's model: a drawing or a digit answered, what feeds a unit, and chains that dream on."""

from collections.abc import Callable
from typing import Any

import anyio.to_thread
import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from mnistnn.analysis.evaluation.own_pictures import doubts
from mnistnn.analysis.inspection.answers.answer import answer_to, dreams_from, feeding_of
from mnistnn.data.pictures.normalize import NormalizedDigit
from mnistnn.data.pictures.resize import resampled
from mnistnn.errors import DataError, MnistnnError, UsageError
from mnistnn.web.asking import SIDE_PX, Asked, Asking, Shown, place_of, shown_digit, shown_drawing
from mnistnn.web.packing import Packing

_DREAMED = (1, 2, 5, 10, 20, 50, 100, 200)  # steps after which chains are shown
_INK_PX = 56  # the longer side of the ink that is sent
_MOST_BYTES = SIDE_PX**2


async def draw_page(request: Request) -> Response:
    """The page, which has nothing of the run in it."""
    templates: Jinja2Templates = request.app.state.templates
    return templates.TemplateResponse(request, "draw.html", {"side": SIDE_PX})


async def model(request: Request) -> Response:
    """Say what can be asked of a run's model: its checkpoints, classes and splits; or why nothing can."""
    asking, run_id = _asking(request)

    def look() -> dict[str, Any]:
        kept = asking.checkpoints(run_id)
        with asking.asked(run_id, _checkpoint(request)) as asked:
            trained = asked.trained
            plan = trained.plan
            plan.image_shape  # noqa: B018 - a model that reads no images is refused here
            trained.task  # noqa: B018
            return {
                "name": plan.experiment.name,
                "type": plan.experiment.model.type,
                "checkpoints": kept,
                "epoch": trained.epoch,
                "passed_over": trained.passed_over,
                "classes": list(plan.class_names),
                "splits": {split: plan.examples[split] for split in ("train", "valid") if plan.examples[split]},
            }

    return JSONResponse(await _answered(look))


async def draw(request: Request) -> Response:
    """Answer a drawing, the body, or a digit of the data set."""
    return await _packed(request, _answer)


async def unit(request: Request) -> Response:
    """Say what feeds a unit."""
    return await _packed(request, _unit)


async def dream(request: Request) -> Response:
    """Let chains go on from the image."""
    return await _packed(request, _dream)


routes = [
    Route("/draw/{id}", draw_page),
    Route("/api/run/{id}/model", model),
    Route("/api/run/{id}/draw", draw, methods=["POST"]),
    Route("/api/run/{id}/unit", unit, methods=["POST"]),
    Route("/api/run/{id}/dream", dream, methods=["POST"]),
]
"""Asks `app.state.asking`."""


def _answer(request: Request, asked: Asked, shown: Shown) -> bytes:
    packing, target = Packing(), _number(request, "target")
    answer = answer_to(asked.trained, shown.image, target)
    about = packing.answer(answer)
    about |= {"label": shown.label, "place": shown.place, "steps": _steps(packing, shown)}
    return packing.packed(about)


def _unit(request: Request, asked: Asked, shown: Shown) -> bytes:
    packing, text = Packing(), request.query_params.get("unit", "")
    try:
        place = [int(part) for part in text.split(",")] if text else []
    except ValueError as error:
        raise UsageError(f"unit: must be numbers with commas between them, such as 3,10,12; got {text!r}") from error
    layer = request.query_params.get("layer", "")
    feeding = feeding_of(asked.trained, shown.image, layer, place, _number(request, "target"))
    return packing.packed(packing.feeding(feeding))


def _dream(request: Request, asked: Asked, shown: Shown) -> bytes:
    packing, seed = Packing(), _number(request, "seed") or 0
    frames = [images[0] for images in dreams_from(asked.trained, shown.image, _DREAMED, seed)]
    labels = [f"{steps:,} step{'s' * (steps > 1)}" for steps in _DREAMED]
    picture = {"name": "dreams", "signed": False, "labels": labels, "caption": "", **packing.array(np.stack(frames))}
    return packing.packed({"pictures": [picture]})


def _steps(packing: Packing, shown: Shown) -> dict[str, Any] | None:
    """Return how a drawing became the image: where the ink is, the ink itself, and where its mass is."""
    if shown.drawing is None or shown.drawing.fitting is None:
        return None
    fitting: NormalizedDigit = shown.drawing.fitting
    longer = max(fitting.ink.shape)
    scale = min(1.0, _INK_PX / longer)
    height, width = (max(1, round(scale * side)) for side in fitting.ink.shape)
    image = fitting.image.astype(np.float64)
    image = 255 - image if image[0].mean() > 127 else image
    mass = image.sum() or 1.0
    centre = [float((image.sum(axis=1 - axis) @ np.arange(image.shape[axis])) / mass) for axis in (0, 1)]
    at = fitting.at
    return {
        "box": [at.top, at.left, at.bottom, at.right],
        "ink": packing.array(resampled(fitting.ink, (height, width))),
        "fitted": list(fitting.fitted),
        "dark": fitting.dark,
        "components": fitting.components,
        "specks": fitting.specks,
        "centre": centre,
        "image": packing.array(fitting.image),
        "warnings": doubts(fitting),
    }


async def _packed(request: Request, what: Callable[[Request, Asked, Shown], bytes]) -> Response:
    """Return what is computed of the image that a request is about, in a thread; what cannot be is said in JSON."""
    asking, run_id = _asking(request)
    body = await _body(request)

    def compute() -> bytes | dict[str, Any]:
        with asking.asked(run_id, _checkpoint(request)) as asked:
            try:
                shown = _shown(request, asked, body)
            except DataError as error:
                if not body:
                    raise
                return {"problem": str(error)}  # a canvas without a digit is nobody's fault
            return what(request, asked, shown)

    found = await _answered(compute)
    if isinstance(found, bytes):
        return Response(found, media_type="application/octet-stream")
    return JSONResponse(found)


async def _answered(compute: Callable[[], Any]) -> Any:
    """Return what is computed in a thread. An expected failure is an answer, too: the page says what to do about it."""

    def run() -> Any:
        try:
            return compute()
        except MnistnnError as error:
            return {"problem": str(error)}

    try:
        return await anyio.to_thread.run_sync(run)
    except LookupError as error:
        raise HTTPException(404, "there is no such run here") from error


def _shown(request: Request, asked: Asked, body: bytes) -> Shown:
    """Return the image that is meant: place=, or label= and nth=, of split=; else the drawing in the body."""
    split = request.query_params.get("split")
    if split is None:
        return shown_drawing(asked, body)
    place = _number(request, "place")
    if place is None:
        label, nth = _number(request, "label"), _number(request, "nth") or 0
        if label is None:
            raise UsageError("split: goes with place, or with label and nth")
        place = place_of(asked, split, label, nth)
    return shown_digit(asked, split, place)


async def _body(request: Request) -> bytes:
    """Return the body, of which there is no more than a drawing has."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            raise HTTPException(413, f"a drawing has {_MOST_BYTES:,} bytes")
    return bytes(body)


def _asking(request: Request) -> tuple[Asking, str]:
    asking: Asking = request.app.state.asking
    return asking, request.path_params["id"]


def _checkpoint(request: Request) -> str:
    return str(request.query_params.get("checkpoint", "best"))


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise UsageError(f"{name}: must be a whole number that is not below 0, got {text[:60]!r}")
    return int(text)
