"""What the keys of `augment` mean: which distortions are drawn, for whom, and how much."""

import numpy as np
import pytest

from mnistnn.augment import augment as module
from mnistnn.augment.augment import Augment, Gentle
from mnistnn.augment.elastic import Elastic
from mnistnn.config.load import load_experiment
from mnistnn.errors import ConfigError
from mnistnn.experiment.plan import Plan
from mnistnn.kernels.resample import source_maps

EVERYTHING = {
    "shift_px": 1.0,
    "rotate_deg": 15.0,
    "shear_deg": 10.0,
    "rotate_or_shear": True,
    "scale": 0.15,
    "gentle": Gentle(labels=[1, 7]),
}


def begun(shape=(28, 28), seed=0, images_per_epoch=1, **keys):
    augment = Augment(**keys)
    augment.build(shape, classes=10)
    augment.begin(seed, images_per_epoch)
    return augment


def everything(shared_by=1, **keys):
    return begun(elastic=Elastic(sigma_px=5.0, alpha_px=36.0, shared_by=shared_by), **EVERYTHING, **keys)


def digits(n=150, shape=(28, 28), dtype="float32"):
    rng = np.random.default_rng(3)
    return rng.uniform(size=(n, *shape)).astype(dtype), rng.integers(10, size=n)


def distorted(augment, x, labels, update=0):
    out = np.full_like(x, np.nan)
    augment.distort(x, labels, update, out)
    return out


@pytest.fixture
def drawn(monkeypatch):
    """Return a function that distorts 2000 images with the given keys and returns what was drawn for them."""

    def draw(labels=None, **keys):
        parts = []

        def seen(h, w, angle, shear, scale, shift):
            parts.append({"angle": np.degrees(angle), "shear": np.degrees(shear), "scale": scale, "shift": shift})
            return original(h, w, angle, shear, scale, shift)

        original = source_maps
        with monkeypatch.context() as patch:
            patch.setattr(module, "source_maps", seen)
            x, some = digits(2000, (4, 4))
            distorted(begun((4, 4), **keys), x, some if labels is None else np.full(2000, labels))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return draw


def assert_uniform(found, low, high):
    width = high - low
    assert low <= found.min() < low + 0.01 * width
    assert high - 0.01 * width < found.max() <= high
    assert found.mean() == pytest.approx((low + high) / 2, abs=0.03 * width)
    assert found.std() == pytest.approx(width / np.sqrt(12), rel=0.05)


def test_amounts_are_uniform_up_to_their_limits(drawn):
    found = drawn(shift_px=2.0, rotate_deg=15.0, shear_deg=10.0, scale=0.2)
    assert_uniform(found["angle"], -15, 15)
    assert_uniform(found["shear"], -10, 10)
    for axis in (0, 1):
        assert_uniform(found["shift"][:, axis], -2, 2)
        assert_uniform(found["scale"][:, axis], 0.8, 1.2)


def test_amounts_are_independent(drawn):
    found = drawn(shift_px=2.0, rotate_deg=15.0, shear_deg=10.0, scale=0.2)
    columns = np.column_stack([found["angle"], found["shear"], found["scale"], found["shift"]])
    correlations = np.corrcoef(columns.T) - np.eye(6)
    assert np.abs(correlations).max() < 0.1


def test_rotate_or_shear_does_one_of_them(drawn):
    found = drawn(rotate_deg=15.0, shear_deg=10.0, rotate_or_shear=True)
    turned, sheared = found["angle"] != 0, found["shear"] != 0
    assert (turned ^ sheared).all()
    assert turned.mean() == pytest.approx(0.5, abs=0.05)


def test_gentle_lessens_rotation_and_shear_of_its_labels(drawn):
    keys = {"rotate_deg": 15.0, "shear_deg": 10.0, "scale": 0.2}
    plain = drawn(**keys)
    for label, factor in ((1, 0.5), (7, 0.5), (2, 1.0)):
        found = drawn(label, gentle=Gentle(labels=[1, 7]), **keys)
        np.testing.assert_allclose(found["angle"], factor * plain["angle"])
        np.testing.assert_allclose(found["shear"], factor * plain["shear"])
        np.testing.assert_array_equal(found["scale"], plain["scale"])


def test_one_more_kind_shifts_no_other(drawn):
    alone = drawn(scale=0.2)
    together = drawn(scale=0.2, shift_px=1.0, rotate_deg=5.0)
    np.testing.assert_array_equal(alone["scale"], together["scale"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_elastic_of_no_strength_keeps_the_bits(dtype):
    x, labels = digits(dtype=dtype)
    assert distorted(begun(elastic=Elastic(sigma_px=4.0, alpha_px=0.0)), x, labels).tobytes() == x.tobytes()


@pytest.mark.parametrize("sigma", [2.0, 4.0])
def test_elastic_displacements_have_the_size_that_the_formula_says(sigma):
    """alpha · √(1/3) · 1/(2√π sigma) = alpha / (6.14 sigma), away from the borders."""
    elastic = Elastic(sigma_px=sigma, alpha_px=34.0)
    elastic.build(61, 61)
    fields = elastic.fields(np.random.default_rng(0), 300, like=np.empty(0))
    inside = fields[:, :, 15:-15, 15:-15]
    for direction in (0, 1):
        assert np.sqrt((inside[:, direction] ** 2).mean()) == pytest.approx(34.0 / (6.14 * sigma), rel=0.03)
    assert abs(inside.mean()) < 0.05


def test_elastic_draws_the_same_for_both_dtypes():
    fields = {}
    for dtype in ("float32", "float64"):
        elastic = Elastic(sigma_px=4.0, alpha_px=34.0)
        elastic.build(28, 28)
        fields[dtype] = elastic.fields(np.random.default_rng(0), 3, like=np.empty(0, dtype)).copy()
        assert fields[dtype].dtype == dtype
    np.testing.assert_allclose(fields["float32"], fields["float64"], atol=1e-5)


def test_elastic_bends_each_image_in_its_own_way_unless_shared():
    x, labels = digits(1)
    x, labels = np.repeat(x, 150, axis=0), np.repeat(labels, 150)
    for shared_by, kinds in ((1, 150), (16, 10), (100, 2), (1000, 1)):
        elastic = Elastic(sigma_px=4.0, alpha_px=34.0, shared_by=shared_by)
        assert len(np.unique(distorted(begun(elastic=elastic), x, labels), axis=0)) == kinds


def test_distortion_follows_from_seed_and_update_alone():
    x, labels = digits()
    first = distorted(everything(), x, labels, update=5)
    again = everything()
    distorted(again, x, labels, update=4)
    assert distorted(again, x, labels, update=5).tobytes() == first.tobytes()
    assert not np.array_equal(distorted(again, x, labels, update=6), first)
    assert not np.array_equal(distorted(everything(seed=1), x, labels, update=5), first)


@pytest.mark.parametrize("shared_by", [1, 16])
def test_much_work_is_compiled_and_gives_the_same_bits(shared_by):
    pytest.importorskip("numba")
    x, labels = digits()
    few, many = everything(shared_by), everything(shared_by, images_per_epoch=50_000)
    assert few._resample is not many._resample
    assert distorted(few, x, labels).tobytes() == distorted(many, x, labels).tobytes()


def test_channels_are_moved_together():
    x, labels = digits(20)
    coloured = np.stack([x, 0.5 * x, x], axis=1)
    out = distorted(everything(shape=(3, 28, 28)), coloured, labels)
    plain = distorted(everything(), x, labels)
    np.testing.assert_array_equal(out, np.stack([plain, 0.5 * plain, plain], axis=1))


def test_images_that_are_not_square_are_distorted():
    x, labels = digits(20, (12, 17))
    out = distorted(everything(shape=(12, 17)), x, labels)
    assert np.isfinite(out).all()
    assert not np.array_equal(out, x)


def test_what_is_done_is_said():
    assert everything().said() == (
        "shift up to 1 px, rotate up to 15 degrees or shear up to 10 degrees, scale by 1 +- 0.15, "
        "elastic with sigma 5 px, alpha 36 px"
    )
    assert begun(rotate_deg=5.0).said() == "rotate up to 5 degrees"


REFUSED = {
    "nothing to do": ("{}", "augment: give at least one of shift_px"),
    "sigma of nothing": ("{elastic: {sigma_px: 0, alpha_px: 30}}", "sigma_px: expected a number in [0.1, 100], got 0"),
    "negative alpha": ("{elastic: {sigma_px: 4, alpha_px: -1}}", "alpha_px: expected a number in [0, 10000], got -1"),
    "field of nobody": (
        "{elastic: {sigma_px: 4, alpha_px: 1, shared_by: 0}}",
        "shared_by: expected an integer in [1, 1000], got 0",
    ),
    "negative shift": ("{shift_px: -1}", "shift_px: expected a number in [0, 1000], got -1"),
    "scale to nothing": ("{scale: 1}", "scale: expected a number in [0, 1), got 1"),
    "choice of one": ("{rotate_deg: 5, rotate_or_shear: true}", "rotate_or_shear: chooses between two"),
    "gentle with nothing": ("{scale: 0.1, gentle: {labels: [1]}}", "gentle: lessens rotate_deg and shear_deg"),
    "gentle to nobody": ("{rotate_deg: 5, gentle: {labels: []}}", "labels"),
    "unknown label": ("{rotate_deg: 5, gentle: {labels: [1, 4]}}", "the labels are 0 to 3, and 4 is none"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_mistakes_are_refused(case, toy):
    value, said = REFUSED[case]
    with pytest.raises(ConfigError) as caught:
        Plan(load_experiment(toy, [f"augment={value}"]))
    assert said in str(caught.value)


def test_unknown_label_is_shown_at_its_place(toy):
    toy.write_text(toy.read_text() + "augment:\n  rotate_deg: 5\n  gentle: {labels: [7]}\n")
    with pytest.raises(ConfigError, match=r"toy\.yaml:16:12: the labels are 0 to 3"):
        Plan(load_experiment(toy))


def test_inputs_without_height_and_width_are_refused_before_data_is_read(toy, monkeypatch):
    monkeypatch.setattr("mnistnn.data.source.read_split", None)
    keys = ["augment={shift_px: 1}", "preprocess=[{type: whiten, dimensions: 20}]"]
    with pytest.raises(ConfigError, match="needs images of height and width, but preprocess makes 20"):
        Plan(load_experiment(toy, keys))
    Plan(load_experiment(toy, [*keys[:1], "preprocess=[{type: whiten, method: zca}]"]))
