import time

import pytest

from mnistnn.data.datasets.download import DownloadLimits, download
from mnistnn.errors import DataError

LIMITS = DownloadLimits(silence_s=0.3, total_s=0.6, max_bytes=100_000)


def test_download_returns_the_content(server):
    server.files["/f"] = bytes(range(256)) * 300
    assert download(f"{server.url}f", LIMITS, progress=False) == server.files["/f"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing", "the server answered 404 Not Found"),
        ("redirect", "the server answered 302 Found"),
        ("cut", "the connection ended after 60 of 100 bytes"),
        ("large", "100001 bytes, more than the 100000 that are allowed"),
        ("endless", "more than the 100000 bytes that are allowed"),
        ("slow", "not complete after 0.6 s"),
        ("silent", "no answer for 0.3 s"),
    ],
)
def test_download_from_a_bad_server_fails_soon_and_says_why(server, path, message):
    server.files["/large"] = bytes(100_001)
    start = time.monotonic()
    with pytest.raises(DataError) as caught:
        download(f"{server.url}{path}", LIMITS, progress=False)
    assert str(caught.value) == f"{server.url}{path}: {message}"
    assert time.monotonic() - start < 5


def test_download_never_follows_a_redirection(server):
    with pytest.raises(DataError):
        download(f"{server.url}redirect", LIMITS, progress=False)
    assert server.requests == ["/redirect"]


def test_download_without_a_server_says_why():
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:1/f: Connection refused"):
        download("http://127.0.0.1:1/f", LIMITS, progress=False)


def test_download_is_silent_where_there_is_no_terminal(server, capfd):
    server.files["/f"] = bytes(1000)
    download(f"{server.url}f", LIMITS, progress=True)
    assert capfd.readouterr() == ("", "")
