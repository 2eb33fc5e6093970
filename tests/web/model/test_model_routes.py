"""What the page asks of a run's model, by Starlette's client."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnistnn.analysis.evaluation import own_pictures
from mnistnn.analysis.evaluation.predictions import class_scores_of, images_at
from mnistnn.config import load
from mnistnn.experiment.trained import load_trained
from mnistnn.plugins import execution
from mnistnn.run.directory import RunDirectory
from mnistnn.web.app import create_app
from mnistnn.web.listing import Listing
from tests.plugins.test_untrusted_code import EXECUTED, trained_there  # noqa: F401 - a fixture
from tests.web.model.asked import client_of, drawing, unpacked
from tests.web.test_guard import TOKEN


@pytest.fixture
def client(toy, start):
    start(toy, "stopping.max_epochs.epochs=3", "checkpoint.keep_last=5")
    return client_of(Path("run"))


def test_page_has_nothing_of_the_run_in_it(client):
    page = client.get(f"{client.base_url.copy_with(path='/draw/r0')}")
    assert page.status_code == 200
    assert "toy" not in page.text
    assert client.get(f"{client.base_url.copy_with(path='/draw/other')}").text == page.text


def test_drawing_is_answered_as_predict_answers_its_picture(client, command):
    sheet = drawing()
    Image.fromarray(255 - sheet).save("digit.png")
    done = command("predict", "run", "digit.png", "--json")
    (expected,) = json.loads(done.out)["images"]
    about, values = unpacked(client.post("/draw", content=sheet.tobytes()).content)
    found = dict(zip(about["scores"]["names"], about["scores"]["values"], strict=True))
    assert found == {each["class"]: each["probability"] for each in expected["classes"]}
    np.testing.assert_array_equal(values(about["image"]), expected["seen"])
    assert about["steps"]["warnings"] == expected["warnings"]


def test_steps_say_where_the_ink_is(client):
    about, values = unpacked(client.post("/draw", content=drawing().tobytes()).content)
    top, left, bottom, right = about["steps"]["box"]
    assert np.abs(np.array([top, left, bottom, right]) - [30, 40, 110, 100]).max() <= 3
    ink = values(about["steps"]["ink"])
    assert max(ink.shape) == 56
    assert ink.max() <= 1.0


def test_target_brings_the_backward_pass(client):
    about, values = unpacked(client.post("/draw?target=2", content=drawing().tobytes()).content)
    backward = about["backward"]
    assert backward["loss"] == pytest.approx(-np.log(about["scores"]["values"][2]), rel=1e-5)
    first = {each["name"]: each for each in backward["parts"][0]["pictures"]}
    assert list(first) == ["dy", "dz", "dW", "db", "dx"]
    assert first["dW"]["size"] == [12, 4]
    assert first["db"]["length"] == pytest.approx(float(np.linalg.norm(values(first["db"]))), rel=1e-6)


@pytest.mark.parametrize("body", [bytes(140 * 140), b"\xff" * 140 * 140])
def test_empty_sheet_has_no_answer(client, body):
    reply = client.post("/draw", content=body)
    assert reply.status_code == 200
    assert reply.json() == {"problem": "the drawing: no ink found: the picture is blank"}


@pytest.mark.parametrize("size", [0, 100, 140 * 140 - 1])
def test_drawing_of_another_size_is_refused(client, size):
    assert "a drawing has 140×140 bytes" in client.post("/draw", content=bytes(size)).json()["problem"]


def test_body_that_is_longer_than_a_drawing_is_refused_unread(client):
    assert client.post("/draw", content=bytes(140 * 140 + 1)).status_code == 413


def test_digit_of_the_data_set_is_given_as_it_is(client):
    about, values = unpacked(client.post("/draw?split=valid&label=2&nth=1").content)
    trained = load_trained(RunDirectory(Path("run")))
    labels = trained.plan.source.images("valid").labels
    place = int(np.nonzero(labels == 2)[0][1])
    assert (about["place"], about["label"], about["steps"]) == (place, 2, None)
    image = images_at(trained, "valid", np.array([place]))
    np.testing.assert_array_equal(values(about["image"]), image[0])
    assert about["scores"]["values"] == class_scores_of(trained, image)[0].tolist()


def test_digits_of_a_class_go_round(client):
    trained = load_trained(RunDirectory(Path("run")))
    count = int((trained.plan.source.images("valid").labels == 1).sum())
    first, again = (
        unpacked(client.post(f"/draw?split=valid&label=1&nth={nth}").content)[0]["place"] for nth in (0, count)
    )
    assert first == again


@pytest.mark.parametrize("what", ["draw", "unit", "dream"])
def test_test_split_is_sealed(client, what):
    before = sorted(Path("run").rglob("*"))
    reply = client.post(f"/{what}?split=test&place=0&layer=hidden&unit=0")
    assert "the test split is sealed" in reply.json()["problem"]
    assert sorted(Path("run").rglob("*")) == before


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("split=valid&place=60", "has the digits 0 to 59, but not 60"),
        ("split=valid", "goes with place, or with label and nth"),
        ("split=valid&label=7", "no image of class number 7"),
        ("split=valid&place=-1", "whole number that is not below 0, got '-1'"),
        ("split=valid&place=0&target=4", "no class number 4"),
        ("split=valid&place=0&checkpoint=step-1.safetensors", "there is no checkpoint 'step-1.safetensors'"),
        ("split=valid&place=0&checkpoint=../../toy.yaml", "there is no checkpoint"),
    ],
)
def test_question_that_does_not_fit_says_what_is_wrong(client, query, said):
    reply = client.post(f"/draw?{query}")
    assert reply.status_code == 200
    assert said in reply.json()["problem"]


def test_unit_has_its_formula_with_numbers(client):
    about, values = unpacked(client.post("/unit?split=valid&place=3&layer=hidden&unit=5&target=1").content)
    assert [each["name"] for each in about["pictures"]] == ["x", "W", "products", "dW"]
    x, w, products = (values(each) for each in about["pictures"][:3])
    np.testing.assert_allclose(x * w, products)
    assert about["lines"][-1].startswith("y = tanh(z) = tanh(")
    hidden: Any = load_trained(RunDirectory(Path("run"))).task.network.layers["hidden"]
    b = float(hidden.b[5])
    assert about["value"] == pytest.approx(np.tanh(products.sum(dtype=np.float64) + b), rel=1e-5)


def test_unit_that_is_no_place_is_refused(client):
    reply = client.post("/unit?split=valid&place=3&layer=hidden&unit=a")
    assert "must be numbers with commas between them" in reply.json()["problem"]


def test_run_that_is_not_listed_is_not_found(client):
    other = client.base_url.copy_with(path="/api/run/0123456789ab")
    assert client.post(f"{other}/draw", content=drawing().tobytes()).status_code == 404
    assert client.get(f"{other}/model").status_code == 404


def test_model_says_what_can_be_asked(client):
    about = client.get("/model").json()
    assert about["classes"] == ["0", "1", "2", "3"]
    assert about["splits"] == {"train": 300, "valid": 60}
    assert about["checkpoints"] == sorted(path.name for path in Path("run/checkpoints").glob("step-*"))
    assert len(about["checkpoints"]) > 1


def test_each_kept_checkpoint_answers_for_itself(client):
    names = client.get("/model").json()["checkpoints"]
    answers = []
    for name in names:
        query = f"split=valid&place=3&checkpoint={name}"
        about, _ = unpacked(client.post(f"/draw?{query}").content)
        trained = load_trained(RunDirectory(Path("run")), f"run/checkpoints/{name}")
        image = images_at(trained, "valid", np.array([3]))
        assert about["scores"]["values"] == class_scores_of(trained, image)[0].tolist()
        answers.append(tuple(about["scores"]["values"]))
    assert len(set(answers)) == len(names)


def test_model_is_loaded_once_and_anew_when_a_checkpoint_came(client, monkeypatch):
    loaded = []

    def load(*given):
        loaded.append(given)
        return load_trained(*given)

    monkeypatch.setattr("mnistnn.web.asking.load_trained", load)
    for _ in range(3):
        client.post("/draw?split=valid&place=3&checkpoint=last")
    assert len(loaded) == 1
    newest = sorted(Path("run/checkpoints").glob("step-*"))[-1]
    shutil.copy(newest, "copy")
    newest.unlink()
    client.post("/draw?split=valid&place=3&checkpoint=last")
    assert len(loaded) == 2


def test_what_is_loaded_is_asked_without_a_look_at_other_runs(client, monkeypatch):
    first = client.post("/draw?split=valid&place=3").content

    def ids(listing):
        raise AssertionError("the runs were listed again")

    monkeypatch.setattr(Listing, "ids", ids)
    assert client.post("/draw?split=valid&place=3").content == first


def test_drawing_is_made_an_image_once_whatever_is_asked_of_it(client, monkeypatch):
    made = []

    def fitted(*given):
        made.append(given)
        return own_pictures.fitted(*given)

    monkeypatch.setattr("mnistnn.web.asking.fitted", fitted)
    sheets = [drawing(), drawing(15)]
    answers = []
    for number in (0, 0, 1, 0):
        body = sheets[number].tobytes()
        answers.append(client.post("/draw", content=body).content)
        client.post("/draw?target=2", content=body)
        client.post("/unit?layer=hidden&unit=1", content=body)
    assert len(made) == 3
    assert answers[0] == answers[1] == answers[3] != answers[2]


def test_run_that_is_gone_is_not_found_though_it_was_loaded(toy, start):
    run = start(toy, path="runs/toy/one").run
    app = create_app(Listing(Path("runs")), TOKEN)
    client = client_of(run.path, app=app)
    name, *_ = (path.name for path in run.checkpoints.glob("step-*"))
    paths = ["/model", f"/model?checkpoint={name}"]
    assert [client.get(path).json()["name"] for path in paths] == ["toy", "toy"]
    shutil.rmtree(run.path)
    assert [client.get(path).status_code for path in paths] == [404, 404]


def test_few_models_are_in_memory(toy, start, monkeypatch):
    from mnistnn.web import asking

    loaded = []

    def load(run, *given):
        loaded.append(run.path.name)
        return load_trained(run, *given)

    monkeypatch.setattr(asking, "_MOST_MODELS", 2)
    monkeypatch.setattr(asking, "load_trained", load)
    start(toy, "stopping.max_epochs.epochs=1", path="a")
    folders = [Path(name) for name in "abc"]
    for folder in folders[1:]:
        shutil.copytree("a", folder)
    app = create_app(Listing(Path("runs"), [RunDirectory(each) for each in folders]), TOKEN)
    for name in "abccba":
        client_of(Path(name), app=app).get("/model")
    assert loaded == ["a", "b", "c", "a"]


def test_machine_dreams_on(toy, start):
    from tests.tasks.test_energy_runs import EXPERIMENT

    Path("machine.yaml").write_text(EXPERIMENT)
    start(Path("machine.yaml"), "stopping.max_epochs.epochs=1")
    client = client_of(Path("run"))
    about, values = unpacked(client.post("/dream?split=valid&place=3&seed=1").content)
    (picture,) = about["pictures"]
    assert picture["labels"][:2] == ["1 step", "2 steps"]
    assert values(picture).shape == (8, 8, 8)
    assert "gives no image a probability" not in str(about)


def test_classifier_has_no_chains(client):
    reply = client.post("/dream?split=valid&place=3")
    assert "gives no image a probability" in reply.json()["problem"]


def test_run_of_sequences_says_that_it_reads_no_images(toy, start):
    from tests.tasks.test_sequence_runs import NUMBERS

    Path("sequences.yaml").write_text(NUMBERS)
    start(Path("sequences.yaml"))
    client = client_of(Path("run"))
    assert "image" in client.get("/model").json()["problem"]


def test_code_from_elsewhere_is_not_executed_and_the_page_says_what_to_do(toy, trained_there):  # noqa: F811
    shutil.copytree(trained_there / "run", "run", symlinks=True)
    load._validator.cache_clear()
    execution._declared_by.cache_clear()
    client = client_of(Path("run"))
    for reply in (
        client.get("/model"),
        client.post("/draw", content=drawing().tobytes()),
        client.post("/unit?layer=hidden&unit=0", content=drawing().tobytes()),
    ):
        assert reply.status_code == 200
        assert "is not trusted on this machine" in reply.json()["problem"]
        assert "mnistnn trust" in reply.json()["problem"]
    assert not EXECUTED.exists()


def test_component_that_is_trusted_here_is_shown_in_full(toy, trained_there, monkeypatch):  # noqa: F811
    monkeypatch.setenv("MNISTNN_TRUST", str(trained_there / "trusted.json"))
    shutil.copytree(trained_there / "run", "run", symlinks=True)
    client = client_of(Path("run"))
    about, values = unpacked(client.post("/draw?target=1", content=drawing().tobytes()).content)
    own = next(part for part in about["parts"] if part["type"] == "maxout")
    assert own["about"] == "Each unit is the largest of several linear functions of x."
    assert own["has_units"]
    assert "dW" in [each["name"] for part in about["backward"]["parts"] for each in part["pictures"]]
    query = f"layer={own['name']}&unit=1"
    unit, values = unpacked(client.post(f"/unit?{query}", content=drawing().tobytes()).content)
    assert "derivative" in unit["note"]
    slopes = next(each for each in unit["pictures"] if each["name"] == "slopes")
    assert np.abs(values(slopes)).max() > 0
