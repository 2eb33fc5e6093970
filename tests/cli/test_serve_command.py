"""`mnistnn serve` as it begins: what it opens, and what it says where it cannot."""

import socket

import pytest

pytest.importorskip("starlette")


class Server:
    def run(self, sockets):
        for each in sockets:
            each.close()


@pytest.fixture
def opened(toy, monkeypatch):
    """The addresses that a browser is given; `opened.code` is what comes of it. Nothing is served."""
    monkeypatch.setattr("mnistnn.web.serving.server_of", lambda app: Server())

    class Opened(list[str]):
        code = 0

        def __call__(self, address):
            self.append(address)
            return self.code

    found = Opened()
    monkeypatch.setattr("click.launch", found)
    return found


def test_page_is_opened_by_a_code_that_is_not_the_printed_token(command, opened):
    done = command("serve")
    assert done.code == 0
    (page, token), (opened_page, code) = (
        address.split(between) for address, between in ((done.out.splitlines()[1], "#token="), (opened[0], "#code="))
    )
    assert page == opened_page
    assert page.startswith("http://127.0.0.1:")
    assert min(len(token), len(code)) >= 43  # 32 bytes
    assert token != code


def test_no_open_opens_nothing(command, opened):
    assert "#token=" in command("serve", "--no-open").out
    assert opened == []


def test_where_there_is_no_browser_it_says_what_to_do(command, opened):
    opened.code = 1
    done = command("serve")
    assert done.code == 0
    assert "no browser could be started: open this address in one" in done.err


def test_port_that_is_taken_is_named(command, opened):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = command("serve", "--port", port)
    assert done.code == 2
    assert f"--port: {port} cannot be listened on" in done.err
    assert "0 takes a free one" in done.err


@pytest.mark.parametrize("port", ["-1", "65536", "web"])
def test_port_that_there_is_not_is_refused(command, opened, port):
    done = command("serve", f"--port={port}")
    assert done.code == 2
    assert "--port" in done.err


def test_run_that_there_is_not_is_named(command, opened):
    done = command("serve", "nonsense")
    assert done.code == 4
    assert "nonsense" in done.err
    assert opened == []
