"""Who may ask the server, and what every answer says: nobody from elsewhere gets anything, and no page of ours sends
anything elsewhere.

The server listens on this machine only, but other pages in the user's browser could ask it, or a name that somebody has
pointed here. So the Host must be this machine's, an Origin must be the same one, and whatever is about runs needs a
token, which the printed address has in its fragment and which no browser sends by itself. Other users of this machine
can read how a browser was started: so the address that is opened has a code instead, which is exchanged for the token
once.
"""

import hmac

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY_BYTES = 1_000_000
_TOO_LARGE = f"at most {MOST_BODY_BYTES:,} bytes are taken"
_EXCHANGE = "/api/token"
_USED = "this address was opened before: open the one that `mnistnn serve` printed"
_WRONG = "the token is missing or wrong: open the address that `mnistnn serve` printed"
_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """An ASGI app around another.

    token  what `Authorization: Bearer …` must have under /api/
    code   what it must have, once, for POST /api/token, which answers with the token; None if there is no such code
    """

    def __init__(self, app: ASGIApp, token: str, code: str | None = None) -> None:
        self._app, self._token, self._code = app, token, code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # there are no web sockets
        refusal = self._refusal(scope)
        if refusal is not None:
            await _answer(send, *refusal)
            return
        if scope["path"] == _EXCHANGE:
            self._code = None
            await _answer(send, 200, self._token)
            return
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MOST_BODY_BYTES:
                raise HTTPException(413, _TOO_LARGE)
            return message

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        await self._app(scope, limited, with_headers)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Return why a request is refused, as a status and a sentence; None if it is not."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if host.rpartition(":")[0] not in _HOSTS and host not in _HOSTS:
            return 400, "this server answers to 127.0.0.1 and localhost only"
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and origin.partition("://")[2] != host:
            return 403, "another page may not ask this server"
        if headers.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin"):
            return 403, "another page may not ask this server"
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MOST_BODY_BYTES:
            return 413, _TOO_LARGE
        if scope["path"].startswith("/api/"):
            is_exchange = scope["path"] == _EXCHANGE
            if is_exchange and scope["method"] != "POST":
                return 405, "the token is asked for by POST"
            expected = self._code if is_exchange else self._token
            given = headers.get(b"authorization", b"")
            if expected is None or not hmac.compare_digest(given, f"Bearer {expected}".encode()):
                return 401, _USED if is_exchange else _WRONG
        return None


async def _answer(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
