"""Memorisation in the protocol: planted copies are flagged; held-out data and honest models are not."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import aegean
from aegean.config import net
from aegean.data import DataOptions, open_data
from aegean.formulas.memorisation import memorised, memorises
from aegean.latent import MixturePrior
from aegean.metrics import reference
from aegean.metrics.features import feature_network
from aegean.metrics.protocol import Evaluator
from aegean.metrics.scores import count_of
from aegean.model import Model
from aegean.session.runs import scores

pytestmark = pytest.mark.slow


def score_and_flag(scores):
    ((key, score),) = ((key, score) for key, score in scores.items() if key.startswith("memorised@"))
    return score, memorises(score.value, score.floor, count_of(key))


@pytest.fixture(scope="module")
def evaluator(digits, features):
    return Evaluator(digits, features)


def test_the_floor_is_held_out_data_among_the_training_data(evaluator, digits, features, copier):
    score, _ = score_and_flag(evaluator(copier(digits, noise=0.1)))
    train, test = (features(digits.info.normalise(part)) for part in (digits.train, digits.test))
    assert np.allclose(evaluator.reference.known, train, atol=1e-5)
    assert score.floor == pytest.approx(memorised(train, test), abs=1 / 397)
    assert score.better == "lower" and score.interval[0] < score.value < score.interval[1]


def test_copies_of_training_images_are_flagged_until_noise_hides_them(evaluator, digits, copier):
    (exact, flagged), (near, near_flagged), (far, far_flagged) = (
        score_and_flag(evaluator(copier(digits, noise=noise))) for noise in (0.0, 0.1, 0.5)
    )
    assert exact.value == 1 and flagged
    assert near.value > 0.8 and near_flagged
    assert far.value < far.floor and not far_flagged


def test_held_out_digits_are_not_flagged(evaluator, digits):
    known, real = evaluator.reference.known, evaluator.reference.real
    half = len(real) // 2
    value, floor = (memorised(known, part) for part in (real[:half], real[half:]))
    assert 0.2 < value < 0.6 and not memorises(value, floor, half)


def test_training_images_are_read_only_for_models_that_sample(digits, features, copier):
    evaluator = Evaluator(digits, features, count=50)
    evaluator(copier(digits, verbs=("reconstruct",)))
    assert "known" not in vars(evaluator.reference)
    evaluator(copier(digits))
    assert len(evaluator.reference.known) == 1400


def test_of_a_large_training_part_a_seeded_choice_is_read(digits, features, monkeypatch):
    for name, value in (("FEWEST", 300), ("MOST", 500)):
        monkeypatch.setattr(reference, name, value)
    assert [len(Evaluator(digits, features, count=n).reference.known) for n in (20, 80, 200)] == [300, 400, 500]
    first, again, other = (Evaluator(digits, features, count=20, seed=seed).reference.known for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_the_count_of_a_key():
    assert [count_of(f"memorised@a:b:{name}") for name in ("10k", "397", "2500")] == [10_000, 397, 2500]
    assert [count_of(key) for key in ("", "fd", "fd@a:", "fd@a:k", "fd@a:-1", "fd@a:9" + "9" * 5000)] == [0] * 6


@pytest.fixture(scope="module")
def hundred(tmp_path_factory):
    """100 training digits and 397 held-out ones, as options of data."""
    x, y = load_digits(return_X_y=True)
    x, order = np.rint(x * 255 / 16).astype(np.uint8).reshape(-1, 8, 8), np.random.default_rng(0).permutation(len(x))
    folder = tmp_path_factory.mktemp("hundred")
    for name, part in (("hundred", order[:100]), ("held-out", order[100:497])):
        np.savez(folder / f"{name}.npz", x=x[part], y=y[part])
    return DataOptions(str(folder / "hundred.npz"), test=str(folder / "held-out.npz"))


def with_kernels(model: Model, x: torch.Tensor, width: float) -> Model:
    """The autoencoder and a prior that draws the latents of x alone, moved by `width` of their spread."""
    z = model.encode(x)
    spec = net(MixturePrior, latent=model.latent, classes=0, components=len(z))
    prior = spec.build()
    prior.weights.fill_(1 / len(z))
    prior.means[0] = z
    prior.factors[0] = width * z.std(0).mean() * torch.eye(model.latent)
    return Model({**model.specs, "prior": spec}, {**model.nets, "prior": prior}, model.info, model.bound, model.about)


def test_an_autoencoder_of_100_images_that_draws_from_their_latents_is_flagged(hundred, tmp_path):
    settings = {"network": "mlp", "latent": 16}
    model = aegean.train("ae", hundred, tmp_path / "ae", images=6_400, evaluations=1, settings=settings, compile="off")
    dataset = open_data(hundred)
    x = dataset.info.normalise(np.asarray(dataset.train[:]))
    score, flagged = score_and_flag(Evaluator(dataset, feature_network(dataset))(with_kernels(model, x, 0.05)))
    assert score.value > 0.8 and score.floor < 0.6 and flagged


@pytest.mark.parametrize("recipe", ["vae", "gan"])
def test_a_short_run_on_all_digits_is_not_flagged(recipe, tmp_path):
    out = tmp_path / recipe
    model = aegean.train(recipe, "digits", out, images=5_000, evaluations=1, settings={"network": "mlp"}, compile="off")
    assert "sample" in model.can()
    score = next(score for key, score in scores(out).items() if key.startswith("memorised@"))
    assert not memorises(score["value"], score["floor"], 397)
