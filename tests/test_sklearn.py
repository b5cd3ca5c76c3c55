"""The estimators keep scikit-learn's contract, train without a trace, and bring back what they were given."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from aegean import Model, UserError
from aegean.formulas.probe import probe_accuracy
from aegean.sklearn import AnomalyDetector, AutoencoderTransformer, GenerativeModel
from aegean.sklearn.generative import cubature

pytestmark = pytest.mark.slow

TINY = {"images": 64, "batch": 16, "settings": {"width": 2}}
ENVIRONMENT = "check_array_api_input"  # runs only where SCIPY_ARRAY_API was set before Python began
CHECKED = {
    "transformer": AutoencoderTransformer(**TINY),
    "variational": GenerativeModel(2, **TINY),
    "detector": AnomalyDetector(2, **TINY),
    "adversarial": GenerativeModel(2, recipe="gan", **TINY),
}


def checks():
    for name, estimator in CHECKED.items():
        for number, (made, check) in enumerate(estimator_checks_generator(estimator)):
            title = check.func.__name__
            if title != ENVIRONMENT:
                yield pytest.param(made, check, id=f"{name}-{number}-{title}")


@pytest.mark.filterwarnings("ignore:n_components=")  # samples of one or two columns
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_the_contract_of_estimators_is_kept(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def plane():
    """A flat cloud (200, 3) away from the origin, its columns of different widths."""
    return np.random.default_rng(0).normal(size=(200, 3)) @ [[1, 2, 3], [0, 1, 5], [0, 0, 0.1]] + 7


@pytest.fixture(scope="module")
def digits():
    """Rows of 64 numbers from 0 to 16: training part (1400, 64) with classes, test part (397, 64) with classes."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(x))
    train, test = order[:1400], order[1400:]
    return x[train], y[train], x[test], y[test]


def test_latents_of_digits_beat_principal_components_in_error_and_probe(digits):
    x, y, x_test, y_test = digits

    def judged(estimator):
        estimator.fit(x)
        z = estimator.transform(x_test)
        error = np.square(x_test - estimator.inverse_transform(z)).mean()
        return error, probe_accuracy(estimator.transform(x), y, z, y_test)

    error, accuracy = judged(AutoencoderTransformer(2, images=20_000, random_state=0))
    linear_error, linear_accuracy = judged(PCA(2))
    assert error < 0.8 * linear_error
    assert accuracy > linear_accuracy


def test_pictures_go_through_convolutions(digits):
    fitted = AutoencoderTransformer(4, image_shape=(8, 8), images=8_000, random_state=0).fit(digits[0])
    assert fitted.model_.specs["E"].kind == "ConvEncoder"
    assert fitted.inverse_transform(fitted.transform(digits[2])).shape == digits[2].shape
    assert fitted.score(digits[2]) > 0.4


def test_latents_of_a_plain_autoencoder_are_white(plane):
    fitted = AutoencoderTransformer(2, recipe="ae", random_state=0, **TINY).fit(plane)
    z = fitted.transform(plane)
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(z.T), np.eye(2), atol=0.02)


def test_reconstructions_are_in_the_units_of_the_data(plane):
    wide = 1000 * plane
    fitted = AutoencoderTransformer(3, recipe="ae", images=6_400, random_state=0).fit(wide)
    left = np.square(fitted.inverse_transform(fitted.transform(wide)) - wide).sum()
    assert left < 0.05 * np.square(wide - wide.mean(0)).sum()
    assert fitted.score(wide) == pytest.approx(1 - left / np.square(wide - wide.mean(0)).sum())


def test_columns_that_never_move_come_back_as_they_were(plane):
    still = np.column_stack((plane, np.full(len(plane), 1e6)))
    fitted = AutoencoderTransformer(2, random_state=0, **TINY).fit(still)
    again = fitted.inverse_transform(fitted.transform(still))
    assert np.abs(again[:, 3] - 1e6).max() < 10 * plane.std()
    constant = np.full((5, 2), 0.1)
    assert np.isfinite(AutoencoderTransformer(1, **TINY).fit_transform(constant)).all()


@pytest.mark.parametrize("count", [2, 3])
def test_two_samples_are_enough(plane, count):
    fitted = AutoencoderTransformer(1, **TINY).fit(plane[:count])
    assert fitted.transform(plane[:1]).shape == (1, 1)
    assert np.isfinite(GenerativeModel(1, **TINY).fit(plane[:count]).sample(3)).all()


def test_one_sample_is_too_few(plane):
    with pytest.raises(ValueError, match="1 sample"):
        AutoencoderTransformer(**TINY).fit(plane[:1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_of_numbers_stays(plane, dtype):
    fitted = AutoencoderTransformer(2, **TINY).fit(plane)
    z = fitted.transform(plane.astype(dtype))
    assert z.dtype == fitted.inverse_transform(z).dtype == dtype


def test_latents_in_both_types_agree(plane):
    fitted = AutoencoderTransformer(2, **TINY).fit(plane)
    np.testing.assert_allclose(
        fitted.transform(plane.astype(np.float32)), fitted.transform(plane), rtol=1e-3, atol=1e-4
    )


def test_the_same_random_state_gives_the_same_latents(plane):
    made = [AutoencoderTransformer(2, random_state=seed, **TINY).fit_transform(plane) for seed in (3, 3, 4)]
    np.testing.assert_array_equal(made[0], made[1])
    assert not np.allclose(made[0], made[2])


def test_fitting_and_sampling_leave_global_generators_alone(plane):
    torch.manual_seed(5)
    np.random.seed(5)
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    GenerativeModel(2, recipe="ae", random_state=0, **TINY).fit(plane).sample(5)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()


def test_training_leaves_no_file_behind(plane, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fitted = AutoencoderTransformer(2, **TINY).fit(plane)
    pickle.loads(pickle.dumps(fitted))
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_shown_when_asked_for(plane, capsys):
    AutoencoderTransformer(2, verbose=True, **TINY).fit(plane)
    assert str(TINY["images"]) in capsys.readouterr().err


@pytest.mark.parametrize("kind", [AutoencoderTransformer, GenerativeModel])
def test_what_is_pickled_holds_the_model_as_bytes(plane, kind):
    state = kind(2, **TINY).fit(plane).__getstate__()
    assert isinstance(state["model_"], bytes)
    assert not any(isinstance(value, torch.Tensor | torch.nn.Module | Model) for value in state.values())


def test_numbers_of_numpy_are_parameters_as_well(plane):
    fitted = AutoencoderTransformer(np.int64(2), images=np.int64(320), batch=16, settings={"width": np.int64(2)})
    again = pickle.loads(pickle.dumps(fitted.fit(plane)))
    np.testing.assert_array_equal(again.transform(plane), fitted.transform(plane))


def test_a_grid_search_in_two_processes_finds_the_better_of_two(digits):
    pipeline = make_pipeline(StandardScaler(), AutoencoderTransformer(random_state=0, images=1_500))
    grid = {"autoencodertransformer__n_components": np.array([1, 12])}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2, error_score="raise").fit(digits[0][:200])
    assert search.best_params_ == {"autoencodertransformer__n_components": 12}


def test_a_probe_behind_latents_is_a_pipeline(digits):
    x, y, x_test, y_test = digits
    model = make_pipeline(AutoencoderTransformer(8, images=6_400, random_state=0), LogisticRegression(max_iter=500))
    assert clone(model).fit(x, y).score(x_test, y_test) > 0.7


def test_names_go_in_and_out(plane):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed: pip install pandas")
    table = pandas.DataFrame(plane, columns=["a", "b", "c"])
    fitted = AutoencoderTransformer(2, **TINY).set_output(transform="pandas").fit(table)
    assert list(fitted.feature_names_in_) == ["a", "b", "c"]
    assert list(fitted.transform(table).columns) == ["autoencodertransformer0", "autoencodertransformer1"]
    assert fitted.model_.info.columns == ("a", "b", "c")


@pytest.mark.parametrize("kind", [AutoencoderTransformer, GenerativeModel])
def test_a_saved_estimator_comes_back_the_same(digits, tmp_path, kind):
    fitted = kind(3, image_shape=(8, 8), random_state=0, **TINY).fit(digits[0])
    fitted.save(tmp_path / "model.safetensors")
    again = kind.load(tmp_path / "model.safetensors")
    assert again.get_params() == fitted.get_params()
    assert again.n_features_in_ == 64
    act = "transform" if kind is AutoencoderTransformer else "score_samples"
    np.testing.assert_array_equal(getattr(again, act)(digits[2]), getattr(fitted, act)(digits[2]))


def test_names_of_columns_are_saved(plane, tmp_path):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed: pip install pandas")
    table = pandas.DataFrame(plane, columns=["a", "b", "c"])
    AutoencoderTransformer(2, **TINY).fit(table).save(tmp_path / "m.safetensors")
    again = AutoencoderTransformer.load(tmp_path / "m.safetensors")
    assert list(again.feature_names_in_) == ["a", "b", "c"]
    assert again.transform(table).shape == (200, 2)


def test_a_run_of_the_command_line_becomes_an_estimator(tiny_runs):
    pixels = load_digits().data[:20].astype(np.float32)
    raw = np.round(pixels * 255 / 16)
    fitted = AutoencoderTransformer.load(tiny_runs / "vae")
    model = Model.load(tiny_runs / "vae")
    expected = model.encode(model.info.normalise(raw.reshape(20, 1, 8, 8)))
    np.testing.assert_allclose(fitted.transform(raw), expected, atol=1e-5)
    assert GenerativeModel.load(tiny_runs / "vae").sample(3).shape == (3, 64)


@pytest.mark.parametrize("run", ["ae", "cgan"])
def test_a_model_with_classes_is_refused(tiny_runs, run):
    with pytest.raises(UserError, match="without classes"):
        GenerativeModel.load(tiny_runs / run)


def test_densities_are_in_the_units_of_the_data(plane):
    """p(10 x) of data ten times as wide is p(x) / 10^columns."""
    model = GenerativeModel(2, random_state=0, **TINY)
    narrow, wide = (clone(model).fit(k * plane).score_samples(k * plane) for k in (1, 10))
    np.testing.assert_allclose(wide, narrow - 3 * np.log(10), rtol=1e-3, atol=1e-2)


def test_points_of_the_cubature_have_the_moments_of_noise():
    points = cubature(5).double()
    torch.testing.assert_close(points.mean(0), torch.zeros(5).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(points.T @ points / len(points), torch.eye(5).double(), atol=1e-5, rtol=0)


def test_the_bound_lies_below_the_density_and_near_it():
    """Of a plain Gaussian: the mean of log p is minus its entropy, which no model's bound exceeds on new data."""
    random = np.random.default_rng(0)
    x, new = random.normal(0, 3, (2_000, 2)), random.normal(0, 3, (4_000, 2))
    score = GenerativeModel(2, images=20_000, random_state=0).fit(x).score(new)
    entropy = np.log(2 * np.pi * np.e * 9)
    assert -entropy - 0.5 < score < -entropy + 0.05


def test_models_without_a_bound_have_no_score_samples(plane):
    gan = GenerativeModel(2, recipe="gan", **TINY)
    assert not hasattr(gan, "score_samples")
    assert not hasattr(gan.fit(plane), "score")
    with pytest.raises(AttributeError, match="score_samples"):
        gan.score_samples(plane)
    with pytest.raises(NotFittedError):
        GenerativeModel().score_samples(plane)


@pytest.mark.parametrize("recipe", ["vae", "ae", "gan"])
def test_samples_have_the_place_of_the_data_and_follow_their_random_state(plane, recipe):
    model = GenerativeModel(2, recipe=recipe, images=3_200, random_state=0).fit(plane)
    first = model.sample(500)
    assert first.dtype == np.float64
    np.testing.assert_array_equal(first, model.sample(500))
    assert not np.array_equal(first, model.sample(500, random_state=1))
    assert np.abs(first.mean(0) - plane.mean(0)).max() < plane.std(0).max()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"n_components": 0}, "n_components == 0"),
        ({"n_components": 2.5}, "n_components must be an instance of int"),
        ({"batch": 0}, "batch == 0"),
        ({"images": 0}, "^images=0: expected a whole number"),
        ({"recipe": "pca"}, "no recipe 'pca'"),
        ({"recipe": "gan"}, "trains no model with which AutoencoderTransformer could work"),
        ({"recipe": "hierarchical_vae"}, "trains no model"),
        ({"recipe": "vq_ae"}, "trains no model"),
        ({"recipe": None}, "recipe must be an instance of str"),
        ({"settings": [1]}, "settings must be an instance of"),
        ({"settings": {"latent": 3}}, "parameter n_components"),
        ({"settings": {"breadth": 3}}, "no option 'breadth'"),
        ({"image_shape": (2, 2)}, "number of columns of X, 3"),
        ({"image_shape": (3,)}, "expected .height, width"),
        ({"image_shape": 3}, "expected .height, width"),
        ({"image_shape": "1x3"}, "expected .height, width"),
        ({"image_shape": (1, 1.5)}, "expected .height, width"),
        ({"device": "tpu"}, "device=tpu: expected auto, cuda, mps or cpu"),
        ({"device": None}, "device=None"),
    ],
)
def test_a_wrong_parameter_is_told_in_words(plane, wrong, words):
    with pytest.raises((ValueError, TypeError), match=words):
        AutoencoderTransformer(**wrong).fit(plane)


@pytest.mark.parametrize(("kind", "components"), [(AutoencoderTransformer, 4), (GenerativeModel, 17)])
def test_more_latents_than_columns_are_warned_of(plane, kind, components):
    with pytest.warns(UserWarning, match=f"n_components={components} is more than the 3 columns"):
        fitted = kind(components, **TINY).fit(plane)
    assert fitted.model_.latent == components
    kind(**TINY).fit(plane)  # whatever the default is


def test_scores_do_not_depend_on_the_container_of_results(plane):
    """Read-only arrays, too: no warning, no other number."""
    pandas = pytest.importorskip("pandas")
    fitted = AutoencoderTransformer(2, random_state=0, **TINY).fit(plane)
    score, z = fitted.score(plane), fitted.transform(plane)
    plane = plane.copy()
    plane.setflags(write=False)
    z.setflags(write=False)
    assert fitted.score(plane) == score and (fitted.inverse_transform(z) == fitted.inverse_transform(z.copy())).all()
    fitted.set_output(transform="pandas")
    assert fitted.score(plane) == score and isinstance(fitted.transform(plane), pandas.DataFrame)
    assert (fitted.inverse_transform(fitted.transform(plane)) == fitted.inverse_transform(z)).all()


def test_numbers_too_large_to_square_are_refused():
    with pytest.raises(UserError, match="overflows"), np.errstate(over="ignore", invalid="ignore"):
        AutoencoderTransformer(**TINY).fit(np.array([[1e300, 1.0], [-1e300, 2.0], [3.0, 4.0]]))


def test_latents_of_another_width_are_refused(plane):
    with pytest.raises(ValueError, match="has 3 columns, but AutoencoderTransformer has 2"):
        AutoencoderTransformer(2, **TINY).fit(plane).inverse_transform(plane)
