"""The protocol: keys, floors, directions, repeatability, and the mistakes that scores should catch."""

import dataclasses
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from aegean.config import UserError
from aegean.formulas.frechet import frechet_distance
from aegean.formulas.neighbours import density_coverage
from aegean.metrics.features import feature_network, feature_network_from
from aegean.metrics.kinds import kind_of
from aegean.metrics.protocol import Evaluator, class_agreement
from aegean.metrics.scores import DIRECTIONS, count_name

pytestmark = pytest.mark.slow

RECONSTRUCTED = {"rfd", "mse", "psnr", "ssim"}


@pytest.fixture(scope="module")
def evaluator(digits, features):
    return Evaluator(digits, features)


def short_names(scores):
    return {key.split("@")[0]: score for key, score in scores.items()}


def test_keys_name_network_and_count_and_floors_stand_beside(evaluator, digits, copier):
    scores = evaluator(copier(digits, noise=0.1, verbs=("sample", "reconstruct", "score")))
    sampled = (
        "fd",
        "kd",
        "precision",
        "recall",
        "density",
        "coverage",
        "modes",
        "modes_confident",
        "mode_kl",
        "memorised",
    )
    by_features = {f"{name}@digits-classifier:397" for name in (*sampled, "rfd")}
    others = {f"{name}@test:397" for name in ("psnr", "ssim", "mse", "bits", "octave")}
    assert set(scores) == by_features | others | {"swd@8x8:397", "swd@4x4:397"}
    better = DIRECTIONS | {name: quality.better for name, quality in kind_of(digits.info).quality(digits.info).items()}
    for name, score in short_names(scores).items():
        assert score.better == better[name]
        assert (score.floor is None) == (name == "bits")
        assert type(score.value) is float and np.isfinite(score.value)


def test_counts():
    assert [count_name(n) for n in (10_000, 397, 1000, 2500)] == ["10k", "397", "1k", "2500"]


def test_scores_equal_the_formulas(evaluator, digits, features, copier):
    def saved(x):  # rounded and clipped as in a file
        return digits.info.normalise(digits.info.restore(x))

    model = copier(digits, noise=0.3)
    scores = short_names(evaluator(model))
    real, fake = features(digits.info.normalise(digits.test)), features(saved(model.sample(397, seed=0)))
    assert scores["fd"].value == pytest.approx(frechet_distance(real, fake))
    density, coverage = density_coverage(real, fake)
    assert (scores["density"].value, scores["coverage"].value) == pytest.approx((density, coverage))
    low, high = scores["coverage"].interval
    assert low < coverage < high
    copy = saved(model.reconstruct(evaluator.test))
    assert copy.abs().max() <= 1
    assert scores["mse"].value == pytest.approx(float((copy - evaluator.test).square().mean()), rel=1e-5)
    assert scores["rfd"].value == pytest.approx(frechet_distance(real, features(copy)))


def test_the_floor_is_training_data_at_the_same_count(evaluator, digits, features, copier):
    floor = {name: score.floor for name, score in short_names(evaluator(copier(digits))).items()}
    real = features(digits.info.normalise(digits.test))
    drawn = np.sort(np.random.default_rng(1).permutation(1400)[:397])
    fake = features(digits.info.normalise(digits.train[drawn]))
    assert floor["fd"] == pytest.approx(frechet_distance(real, fake))
    assert floor["coverage"] > 0.85 and floor["modes"] == 10 and floor["mode_kl"] < 0.05
    assert (floor["rfd"], floor["mse"], floor["ssim"], floor["psnr"]) == (0, 0, 1, 100)


def test_the_line_is_reconstructions_of_the_floors_samples(evaluator, digits, features, copier):
    model = copier(digits, noise=0.3)
    scores = short_names(evaluator(model))
    drawn = digits.train[np.sort(np.random.default_rng(1).permutation(1400)[:397])]
    again = digits.info.normalise(digits.info.restore(model.reconstruct(digits.info.normalise(drawn))))
    real = features(digits.info.normalise(digits.test))
    assert scores["fd"].line == pytest.approx(frechet_distance(real, features(again)))
    assert scores["coverage"].line == pytest.approx(density_coverage(real, features(again))[1])
    assert {name for name, score in scores.items() if score.line is None} == {"memorised", *RECONSTRUCTED}
    exact = short_names(evaluator(copier(digits)))
    assert exact["fd"].line == exact["fd"].floor
    assert all(score.line is None for score in evaluator(copier(digits, verbs=("sample",))).values())


def test_texture_is_compared_beside_what_has_lost_it(evaluator, digits, copier):
    scores = evaluator(copier(digits))
    for key in ("octave@test:397", "swd@8x8:397"):
        real, lost = (abs(end - (key[0] == "o")) for end in (scores[key].value, scores[key].blurred))
        assert lost > 4 * real and scores[key].line == scores[key].floor
    assert scores["fd@digits-classifier:397"].blurred > 4 * scores["fd@digits-classifier:397"].floor
    assert scores["coverage@digits-classifier:397"].blurred is None
    noisy = evaluator(copier(digits, noise=1.0))["octave@test:397"]
    assert noisy.value > 1.1 and noisy.line > 1.1 and noisy.better == "nearest"


def test_real_samples_score_like_the_floor_and_exact_copies_reach_it(evaluator, digits, copier):
    scores = short_names(evaluator(copier(digits)))
    assert scores["fd"].value < 2 * scores["fd"].floor
    assert scores["rfd"].value == pytest.approx(0, abs=1e-6)
    assert (scores["mse"].value, scores["psnr"].value) == (0, 100)
    assert scores["ssim"].value == pytest.approx(1)


def test_collapse_and_noise_are_seen(evaluator, digits, copier):
    good = short_names(evaluator(copier(digits)))
    noisy = short_names(evaluator(copier(digits, noise=0.6)))
    collapsed = short_names(evaluator(copier(digits, only=[3, 7])))
    assert noisy["fd"].value > 3 * good["fd"].value
    assert noisy["precision"].value < good["precision"].value
    assert noisy["psnr"].value < 15 and noisy["rfd"].value > 3 * good["fd"].value
    assert collapsed["modes"].value < 6 and collapsed["modes_confident"].value == 2
    assert collapsed["coverage"].value < 0.4 < good["coverage"].value
    assert collapsed["recall"].value < good["recall"].value
    assert collapsed["mode_kl"].value > 1
    assert collapsed["fd"].value > 10 * good["fd"].value


def test_it_is_repeatable_and_leaves_the_global_generators_alone(digits, features, copier):
    torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    model = copier(digits, noise=0.2)
    first = Evaluator(digits, features, count=100, seed=3)(model)
    assert torch.equal(torch_state, torch.random.get_rng_state())
    assert np.array_equal(numpy_state, np.random.get_state()[1])
    torch.manual_seed(99)
    assert Evaluator(digits, features, count=100, seed=3)(model) == first
    assert Evaluator(digits, features, count=100, seed=4)(model) != first
    assert "fd@digits-classifier:100" in first and "mse@test:100" in first


def test_only_what_the_model_can_do(evaluator, digits, copier):
    assert set(short_names(evaluator(copier(digits, verbs=("encode", "reconstruct"))))) == RECONSTRUCTED
    assert evaluator(copier(digits, verbs=())) == {}


def test_conditional_models_get_the_labels_of_what_they_reconstruct(evaluator, digits, copier):
    model = copier(digits, verbs=("reconstruct", "score"))
    model.conditional, seen = True, []
    model.reconstruct = lambda x, labels: seen.append(labels) or x
    model.score = lambda x, labels: labels.float()
    scores = short_names(evaluator(model))
    assert np.array_equal(seen[0].numpy(), digits.test_labels)
    assert scores["bits"].value == pytest.approx(digits.test_labels.mean())
    model.verbs = ["sample", "reconstruct"]
    evaluator(model)
    drawn = np.sort(np.random.default_rng(1).permutation(1400)[:397])
    assert np.array_equal(seen[1].numpy(), digits.train_labels[drawn])  # of the line


def test_class_agreement(evaluator, digits, features, copier):
    model = copier(digits)
    assert "agreement" not in short_names(evaluator(model))
    with pytest.raises(UserError, match="conditional=true"):
        class_agreement(model, features)
    model.conditional = True
    shares = class_agreement(model, features, count=30)
    assert list(shares) == list("0123456789") and min(shares.values()) > 0.9
    score = short_names(evaluator(model))["agreement"]
    assert score.value > 0.9 and score.floor == pytest.approx(features.accuracy, abs=0.01)

    class Deaf(copier):
        conditional = True

        def sample(self, n, seed=0, labels=None):
            return super().sample(n, seed)

    assert max(class_agreement(Deaf(digits), features, count=30).values()) < 0.5
    assert short_names(evaluator(Deaf(digits)))["agreement"].value < 0.3
    with pytest.raises(UserError, match="conditional=true"):
        class_agreement(model, feature_network_from(torch.nn.Flatten().eval()), count=2)


def test_a_table_without_labels(tmp_path, copier):
    from aegean.data.info import DataInfo

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 2)).astype(np.float32)
    info = DataInfo("ring", (2,), (0.0, 0.0), (1.0, 1.0), "float32", 200, 100)
    table = SimpleNamespace(
        info=info, train=rows[:200], test=rows[200:], train_labels=None, test_labels=None, folder=tmp_path, target=None
    )
    model = SimpleNamespace(
        info=info,
        conditional=False,
        can=lambda: ["sample", "reconstruct"],
        sample=lambda n, seed: torch.from_numpy(rows[:n]),
        reconstruct=lambda x: x + 1,
    )
    scores = Evaluator(table, feature_network(table))(model)
    assert scores["mse@test:100"].value == pytest.approx(1)
    assert scores["rfd@ring-values:100"].value == pytest.approx(2, rel=1e-5)
    assert not {"psnr", "ssim", "modes"} & set(short_names(scores))


def test_few_samples_leave_out_what_needs_more(digits, features, copier):
    names = set(short_names(Evaluator(digits, features, count=4)(copier(digits))))
    assert "fd" in names and "recall" in names and "coverage" not in names
    with pytest.raises(UserError, match="at least 2"):
        Evaluator(digits, features, count=1)


def test_what_would_mean_nothing_is_refused(evaluator, digits, features, copier):
    model = copier(digits)
    model.x = model.x * np.nan
    with pytest.raises(UserError, match="diverged"):
        evaluator(model)
    model.info = dataclasses.replace(digits.info, shape=(1, 9, 9))
    with pytest.raises(UserError, match=r"The model was made for samples of shape \(1, 9, 9\)"):
        evaluator(model)
    other = dataclasses.replace(features, info=model.info)
    with pytest.raises(UserError, match="digits-classifier was made"):
        Evaluator(digits, other)


def test_a_call_costs_little(evaluator, digits, copier):
    model = copier(digits, noise=0.1)
    evaluator(model)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        evaluator(model)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.6  # of the processor, all threads together
