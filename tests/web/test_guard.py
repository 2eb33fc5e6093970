"""Who the server answers, and what every answer says."""

from importlib import resources

import pytest

from mnistnn.web.app import create_app
from mnistnn.web.guard import MOST_BODY_BYTES
from mnistnn.web.listing import Listing, id_of

testclient = pytest.importorskip("starlette.testclient")
TOKEN = "a-token"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
ABOUT_RUNS = ("/api/runs", "/api/latest", "/api/events", "/api/compare?runs=a", "/api/run/a/view", "/api/run/a/model")


@pytest.fixture
def client(toy, start, tmp_path):
    start(toy, path="runs/toy/one")
    return testclient.TestClient(create_app(Listing(tmp_path / "runs"), TOKEN), base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize("path", ABOUT_RUNS)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer other"}, {"Authorization": TOKEN}])
def test_whatever_is_about_runs_needs_the_token(client, path, headers):
    reply = client.get(path, headers=headers)
    assert reply.status_code == 401
    assert "toy" not in reply.text


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "localhost"])
def test_this_machine_is_answered(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["example.org", "example.org:8000", "127.0.0.1.example.org:8000", "10.0.0.1:8000", ""])
def test_other_hosts_are_refused(client, host):
    assert client.get("/api/runs", headers={**AUTHORIZED, "Host": host}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://example.org"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_pages_are_refused(client, headers):
    assert client.get("/api/runs", headers={**AUTHORIZED, **headers}).status_code == 403


def test_own_pages_are_answered(client):
    own = {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}
    assert client.get("/api/runs", headers={**AUTHORIZED, **own}).status_code == 200


def test_large_body_is_refused_by_its_length(client):
    reply = client.post("/api/run/a/draw", content=b"x" * (MOST_BODY_BYTES + 1), headers=AUTHORIZED)
    assert reply.status_code == 413


def test_large_body_without_a_length_is_refused(client, tmp_path):
    (run_id,) = Listing(tmp_path / "runs").ids()
    parts = (b"x" * 50_000 for _ in range(40))
    assert client.post(f"/api/run/{run_id}/draw", content=parts, headers=AUTHORIZED).status_code == 413


@pytest.mark.parametrize("path", ["/", "/run/a", "/draw/a", "/static/live.js", "/api/runs", "/nothing"])
def test_every_answer_forbids_what_pages_do_not_need(client, path):
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/../../../pyproject.toml"]
)
def test_nothing_outside_of_the_pages_files_is_served(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("name", ["report.css", "report.js"])
def test_style_and_script_of_charts_are_those_of_the_report(client, name):
    reply = client.get(f"/static/{name}")
    assert reply.text == resources.files("mnistnn.analysis.report").joinpath(name).read_text(encoding="utf-8")
    assert reply.headers["content-type"].split(";")[0] in ("text/css", "text/javascript")
    assert client.get("/static/report.html.jinja").status_code == 404


def test_id_says_nothing_of_the_path(tmp_path, toy, start):
    run = start(toy, path="runs/toy/one").run
    assert len(id_of(run)) == 12
    assert int(id_of(run), 16) >= 0


def exchange(app, code):
    client = testclient.TestClient(app, base_url="http://127.0.0.1:8000")
    return client.post("/api/token", headers={"Authorization": f"Bearer {code}"})


def test_code_is_exchanged_for_the_token_once(tmp_path):
    app = create_app(Listing(tmp_path), TOKEN, "a-code")
    wrong = exchange(app, "other")
    assert (wrong.status_code, TOKEN in wrong.text) == (401, False)
    first = exchange(app, "a-code")
    assert (first.status_code, first.text) == (200, TOKEN)
    assert first.headers["cache-control"] == "no-store"
    again = exchange(app, "a-code")
    assert (again.status_code, TOKEN in again.text) == (401, False)
    assert "opened before" in again.text


@pytest.mark.parametrize("given", ["None", "", TOKEN])
def test_server_without_a_code_gives_no_token(client, given):
    reply = exchange(client.app, given)
    assert reply.status_code == 401
    assert TOKEN not in reply.text


def test_code_is_not_a_token(tmp_path):
    client = testclient.TestClient(create_app(Listing(tmp_path), TOKEN, "a-code"), base_url="http://127.0.0.1:8000")
    assert client.get("/api/runs", headers={"Authorization": "Bearer a-code"}).status_code == 401
    assert client.get("/api/token", headers={"Authorization": "Bearer a-code"}).status_code == 405
    assert exchange(client.app, "a-code").text == TOKEN  # which is still to be had


def test_code_is_not_exchanged_for_another_page(tmp_path):
    app = create_app(Listing(tmp_path), TOKEN, "a-code")
    client = testclient.TestClient(app, base_url="http://127.0.0.1:8000")
    headers = {"Authorization": "Bearer a-code", "Origin": "http://example.org"}
    assert client.post("/api/token", headers=headers).status_code == 403
    assert exchange(app, "a-code").text == TOKEN


@pytest.mark.parametrize(
    "origin", ["http://[", "http://127.0.0.1:8000.example.org", "null", "127.0.0.1:8000", "http://"]
)
def test_origin_that_is_not_this_page_is_refused(client, origin):
    assert client.get("/api/runs", headers={**AUTHORIZED, "Origin": origin}).status_code == 403


def test_origin_of_this_page_is_answered(client):
    assert client.get("/api/runs", headers={**AUTHORIZED, "Origin": "http://127.0.0.1:8000"}).status_code == 200
