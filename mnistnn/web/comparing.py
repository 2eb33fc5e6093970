"""Several runs beside each other: what `mnistnn compare` prints of them, their curves, and in what they differ.

Tests of differences may have models classify thousands of examples, so they are a part of their own, which the page
asks for once it shows the rest. They wait until all runs are over: a run that is trained beside an open page shall
keep its cores, and would have other results a moment later.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mnistnn.analysis.comparison.compare import Comparison, compare
from mnistnn.analysis.comparison.comparison_text import cells, choice_lines, headings, pair_lines
from mnistnn.analysis.comparison.config_differences import value_text
from mnistnn.analysis.comparison.curves import metrics_of
from mnistnn.analysis.comparison.run_groups import grouped, read_history
from mnistnn.analysis.report.page import charts_of, colours_of
from mnistnn.analysis.report.settings import configs_of
from mnistnn.errors import MnistnnError
from mnistnn.run.view import RunView
from mnistnn.web.choices import chosen_metric, is_log
from mnistnn.web.listing import Listing
from mnistnn.web.parts import part

MOST_COMPARED = 50
_MOST_KEPT = 20  # comparisons with tests


class Tests:
    """Comparisons with their tests, each computed once, however many pages ask for it. Any thread may ask."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Any, Comparison] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, views: Sequence[RunView], metric: str | None) -> Comparison:
        """Return what `compare` says of runs. Raises UsageError for a metric that none of them has."""
        key = (metric, *((one.run.path, one.record.config_hash, one.record.ended, len(one.rows)) for one in views))
        with self._lock:
            if key not in self._kept:
                self._kept[key] = compare(views, metric)
                if len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]


@dataclass(frozen=True)
class Chosen:
    """The runs that were chosen, as far as they can be shown, and why others cannot."""

    ids: list[str]
    views: list[RunView]
    problems: list[str]


def _chosen(listing: Listing, request: Request) -> Chosen:
    """Raises LookupError for a run that is not listed, HTTPException for too many."""
    wanted = list(dict.fromkeys(each for each in request.query_params.get("runs", "").split(",") if each))
    if len(wanted) > MOST_COMPARED:
        raise HTTPException(400, f"at most {MOST_COMPARED} runs are compared at once; these are {len(wanted)}")
    ids, views, problems = [], [], []
    for run_id, view in zip(wanted, listing.find_all(wanted), strict=True):
        try:
            views.append(read_history(view))
            ids.append(run_id)
        except MnistnnError as error:
            problems.append(str(error))
    return Chosen(ids, views, problems)


async def comparison(request: Request) -> Response:
    """Results, curves, and what differs; without tests."""
    return await part(request, "part_compare.html", lambda listing: _shown(_chosen(listing, request), request))


def _shown(chosen: Chosen, request: Request) -> dict[str, Any]:
    metric, log = chosen_metric(request, metrics_of(chosen.views)), is_log(request)
    nothing = {"rows": [], "problems": chosen.problems, "runs": ",".join(chosen.ids)}
    if not chosen.views:
        return nothing
    try:
        found = compare(chosen.views, metric, tests=False)
    except MnistnnError as error:
        return nothing | {"problems": [*chosen.problems, str(error)]}
    groups = grouped(chosen.views)
    colours = colours_of(groups)
    letters = [each.letter for each in found.experiments]
    ids_of = [[chosen.ids[chosen.views.index(one)] for one in group.runs] for group in groups]
    return {
        "headings": headings(found)[1:],
        "rows": [
            {
                "letter": each.letter,
                "label": each.label,
                "colour": colour,
                "cells": cells(each, found.metric),
                "ids": ids,
            }
            for each, colour, ids in zip(found.experiments, colours, ids_of, strict=True)
        ],
        "notes": found.notes,
        "sentences": choice_lines(found),
        "metric": found.metric,
        "metrics": metrics_of(chosen.views),
        "scale": request.query_params.get("scale", ""),
        "charts": charts_of(groups, "epochs", colours, metric, log),
        "differing": [(key, [*map(value_text, values)]) for key, values in found.differing],
        "configs": [
            (letter, *config)
            for letter, config in zip(letters, configs_of(groups, [each.runs[0] for each in groups]), strict=True)
        ],
        "others": [(letters[place], _first(ids_of, place)) for place in range(1, len(groups))],
        "runs": ",".join(chosen.ids),
        "problems": chosen.problems,
    }


def _first(ids_of: Sequence[Sequence[str]], place: int) -> str:
    """Return the ids of all groups, those of one before the others."""
    return ",".join(each for ids in (ids_of[place], *ids_of[:place], *ids_of[place + 1 :]) for each in ids)


async def tests(request: Request) -> Response:
    """What `mnistnn compare` says of each difference from the first experiment, and whether it is more than chance."""
    known: Tests = request.app.state.tests

    def look(listing: Listing) -> dict[str, Any]:
        views = _chosen(listing, request).views
        waiting = [one.run.path.name for one in views if not one.is_over]
        if waiting or not views:
            return {"waiting": waiting, "pairs": []}
        try:
            found = known.of(views, chosen_metric(request, metrics_of(views)))
        except MnistnnError as error:
            return {"waiting": [], "pairs": [{"heading": str(error), "lines": []}]}
        said = [pair_lines(each, found) for each in found.pairs]
        return {"waiting": [], "pairs": [{"heading": first, "lines": rest} for first, *rest in said]}

    return await part(request, "part_tests.html", look)


routes: list[Route] = [Route("/api/compare", comparison), Route("/api/compare/tests", tests)]
