"""A tiny set (12 training and 6 test images of 4x4 pixels, three classes), a cache, and a web server."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from mnistnn.data.formats.image_set import FILE_NAMES, ImageSet, LabelledImages, image_set


@pytest.fixture(autouse=True)
def cache_root(tmp_path_factory, monkeypatch):
    root = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("MNISTNN_DATA", str(root))
    return root


@pytest.fixture
def tiny() -> ImageSet:
    rng = np.random.default_rng(7)

    def half(n: int) -> LabelledImages:
        images = rng.integers(0, 256, (n, 4, 4), dtype=np.uint8)
        return LabelledImages(images, (np.arange(n) % 3).astype(np.uint8))

    return image_set(half(12), half(6), "tiny")


@pytest.fixture
def origins() -> dict[str, str]:
    return dict.fromkeys(FILE_NAMES, "made by a test")


class FileServer:
    """A web server on this machine. `files` maps a path to its content; other paths misbehave as they say."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.stop_dripping = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append(self.path)
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path
        if path == "/redirect":
            request.send_response(302)
            request.send_header("Location", "/elsewhere")
            request.end_headers()
        elif path == "/cut":
            request.send_response(200)
            request.send_header("Content-Length", "100")
            request.end_headers()
            request.wfile.write(b"x" * 60)
        elif path in ("/endless", "/slow"):
            request.send_response(200)
            request.end_headers()
            with contextlib.suppress(OSError):
                while not self.stop_dripping.wait(0.05 if path == "/slow" else 0):
                    request.wfile.write(b"x" * (1 if path == "/slow" else 10_000))
        elif path == "/silent":
            self.stop_dripping.wait(10)
        elif path in self.files:
            request.send_response(200)
            request.send_header("Content-Length", str(len(self.files[path])))
            request.end_headers()
            with contextlib.suppress(OSError):  # a client that refuses the size hangs up
                request.wfile.write(self.files[path])
        else:
            request.send_error(404)

    def close(self) -> None:
        self.stop_dripping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server(monkeypatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = FileServer()
    yield server
    server.close()
