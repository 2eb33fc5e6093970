"""Parts of pages: drawn from runs in a thread, so that no other answer waits for them."""

from collections.abc import Callable
from typing import Any

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from mnistnn.analysis.report.page import GREY
from mnistnn.web.listing import Listing, NotListedError


async def part(request: Request, template: str, look: Callable[[Listing], dict[str, Any]]) -> Response:
    """Return a template filled with what is seen in the runs. A NotListedError is answered by 404."""
    listing: Listing = request.app.state.listing
    templates: Jinja2Templates = request.app.state.templates
    try:
        found = await anyio.to_thread.run_sync(look, listing)
    except NotListedError as error:
        raise HTTPException(404, "there is no such run here") from error
    return templates.TemplateResponse(request, template, {"grey": GREY, **found})
