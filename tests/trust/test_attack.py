"""Attacks: on linear encoders, where all is known; on runs through the command; the planted weak direction."""

import json

import pytest
import torch

from aegean.trust.robustness import gain, misled, smoothed


@pytest.fixture
def linear():
    g = torch.Generator().manual_seed(0)
    matrix = torch.randn(3, 5, generator=g)
    return matrix, torch.rand(6, 5, generator=g) - 0.5


def test_the_gain_of_a_linear_map_is_its_largest_singular_value(linear):
    matrix, x = linear
    value, v = gain(lambda x: x @ matrix.T, x, 0, iterations=60)
    _, s, vt = torch.linalg.svd(matrix)
    assert torch.allclose(value, s[0].expand(6), rtol=1e-3) and torch.allclose(
        (v @ vt[0]).abs(), torch.ones(6), atol=1e-2
    )


def test_an_attack_on_a_linear_map_finds_the_best_corner_and_stays_within_reach(linear):
    matrix, x = linear
    aim = misled(lambda x: x @ matrix.T, x, 0.1, seed=0, bounded=True)
    assert float((aim - x).abs().max()) <= 0.1 + 1e-6 and float(aim.abs().max()) <= 1
    corners = torch.cartesian_prod(*[torch.tensor([-0.1, 0.1])] * 5)
    best = (corners @ matrix.T).norm(dim=1).max()
    assert ((aim - x) @ matrix.T).norm(dim=1).median() == pytest.approx(float(best), rel=0.05)


def test_smoothing_a_linear_map_changes_it_by_a_constant(linear):
    matrix, x = linear
    soft = smoothed(lambda x: x @ matrix.T, x, 0.1, 0) - x @ matrix.T
    again = smoothed(lambda x: x @ matrix.T, x + 1, 0.1, 0) - (x + 1) @ matrix.T
    assert torch.allclose(soft, again, atol=1e-5)


@pytest.mark.parametrize("run", ["vae", "ae"])
def test_an_attack_beats_noise_agrees_with_the_jacobian_and_finds_what_was_planted(tiny_runs, done, run):
    found = json.loads(done("attack", tiny_runs / run, "--count", 8, "--json"))
    for part in (found["encoder"], found["reconstruction"]):
        assert part["kappa"] > part["noise"] > 0
    assert 0 < found["input"]["kappa"] < 1 and found["input"]["noise"] > 0
    assert found["check"]["attack"] == pytest.approx(found["check"]["jacobian"], rel=0.05)
    assert found["planted"]["kappa"] > 1.5 * found["encoder"]["kappa"] and found["planted"]["cosine"] > 0.9
    assert found["defences"].keys() == {"smoothing", "refinement"}


def test_what_cannot_be_attacked_is_refused(tiny_runs, refused):
    assert "moved a little" in refused("attack", tiny_runs / "rows")
    assert "no encoder" in refused("attack", tiny_runs / "cgan")
    assert "--eps" in refused("attack", tiny_runs / "vae", "--eps", "2")
    assert "data" in refused("attack", tiny_runs / "vae" / "model.safetensors", "--data", tiny_runs / "plane.csv")
