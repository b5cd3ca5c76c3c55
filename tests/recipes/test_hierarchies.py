"""Ladders, stacks and scales: their formulas by hand, their phases, what they refuse."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from aegean.config import UserError
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.data.sets.feed import Feed
from aegean.nets import DiscriminatorOutput
from aegean.nets.blocks import act
from aegean.nets.scales import ScaleDiscriminator, bundle, pyramid
from aegean.objectives import Conditional, LevelRate, NoiseError, SpareRate
from aegean.paths import noise_for
from aegean.recipes import configure, smoke
from aegean.training.trainer import Trainer

DIGITS = DataInfo("digits", (1, 8, 8), (127.5,), (127.5,), classes=("0", "1"), class_counts=(1, 1))
TABLE = DataInfo("table", (2,), (0.0,), (1.0,), dtype="float32")
TINY = DataInfo("tiny", (1, 4, 4), (127.5,), (127.5,))


def trained(name, steps=30, to_the_end=True, **settings):
    """A trainer on noise that has come to the end of its schedule, or of its first phase."""
    rng, cpu = np.random.default_rng(0), torch.device("cpu")
    x, y = rng.integers(0, 255, (200, 1, 8, 8), np.uint8), rng.integers(0, 2, 200)
    t = Trainer(smoke(name, DIGITS, steps, **settings), DIGITS, Feed(DIGITS, x, y, cpu, 0), cpu)
    for _ in t:
        if t.phase_ended and not to_the_end:
            break
    return t


def phases(name, **settings):
    run = configure(name, DIGITS, settings)
    return [phase.name for phase in run.schedule]


# the ladder


@pytest.mark.slow
def test_the_score_of_a_ladder_is_the_evidence_bound():
    """Against torch.distributions, with prior and posterior of level 0 in the coordinates of z, not of the draw."""
    model = trained("hierarchical_vae").model()
    x = torch.rand(16, 1, 8, 8) * 2 - 1
    E, G, q = (model.nets[name] for name in ("E", "G", "bottleneck"))
    noise = noise_for(torch.arange(16), 3, "verb")
    low, high = E(x)
    mean, log_variance = q[1].project(high, None).chunk(2, 1)
    top = Normal(mean, (log_variance / 2).exp())
    h = G.stages[1](G.stem(top.mean + top.stddev * noise("posterior 1", "normal", (4,))).unflatten(1, G.top))
    u = torch.nn.functional.interpolate(G.ups[0](h), size=(8, 8), mode="bilinear", align_corners=False)
    prior_mean, prior_log = G.draws[0].prior(act(u)).chunk(2, 1)
    assert prior_log.abs().max() > 0  # it has learnt something
    prior = Normal(prior_mean, prior_log.exp())
    shift, width = q[0].head(act(torch.cat((low, u), 1))).chunk(2, 1)
    posterior = Normal(prior.mean + prior.stddev * shift, prior.stddev * (width / 2).exp())
    z = posterior.mean + posterior.stddev * noise("posterior 0", "normal", (64,)).reshape(16, 1, 8, 8)
    x_hat = G.last(act(G.stages[0](u + G.draws[0].merge(z))))
    likelihood = Normal(x_hat, (G.log_variance() / 2).exp()).log_prob(x).flatten(1).sum(1)
    rates = kl_divergence(top, Normal(0.0, 1.0)).sum(1), kl_divergence(posterior, prior).flatten(1).sum(1)
    bound = (likelihood - rates[0] - rates[1]) / math.log(2)
    torch.testing.assert_close(model.score(x, seed=3), bound, rtol=1e-4, atol=1e-2)
    p = model.wiring(model.nets, Batch(x), noise_for(torch.arange(16), 3, "verb"))
    torch.testing.assert_close(p.latents[0].rate, rates[1] / math.log(2), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(p.latents[1].rate, rates[0] / math.log(2), rtol=1e-4, atol=1e-4)


def test_a_ladder_logs_the_rate_of_every_level_and_scores_without_the_guard():
    run = configure("hierarchical_vae", DIGITS)
    labels = [term.label for term in run.schedule[0].turns[0].terms]
    assert labels == ["GaussianBits", *(f"{kind}(level {i})" for kind in ("LevelRate", "SpareRate") for i in (0, 1))]
    assert [term.label for term in run.bound] == ["GaussianBits", "LevelRate(level 0)", "LevelRate(level 1)"]
    assert all(term.weight == 1.0 for term in run.bound)


def test_below_the_free_bits_nothing_is_gained_by_falling_silent():
    rate = torch.linspace(0, 20, 201, requires_grad=True)
    p = SimpleNamespace(latents=[SimpleNamespace(rate=rate)])
    guarded = LevelRate(trains=(), level=0)(p) + SpareRate(trains=(), level=0, free=4.0)(p)
    (slope,) = torch.autograd.grad(guarded.sum(), rate)
    assert ((guarded - rate.clamp(min=4.0)).detach() - 0.0).abs().max() < 0.4
    assert slope[rate < 2].max() < 0.05 and slope[rate > 6].min() > 0.95


# the stack


def test_the_terms_of_a_stack_do_not_grow_with_its_features():
    for size in (4, 400):
        torch.manual_seed(0)
        above, again, z, guess = (torch.randn(1000, size) for _ in range(4))
        p = SimpleNamespace(
            made={0: None, 1: above}, again=lambda level, made, again=again: again, drawn={0: z},
            guess=lambda level, judged, guess=guess: guess, fake={0: DiscriminatorOutput((), ())},
        )  # fmt: skip
        assert Conditional(trains=(), level=0)(p).mean() == pytest.approx(2, rel=0.25)  # of independent unit features
        assert NoiseError(trains=(), level=0)(p).mean() == pytest.approx(2, rel=0.1)


def test_the_discriminators_of_a_stack_begin_as_the_encoders_own_stages():
    t = trained("stacked_gan", to_the_end=False, levels=3)
    t.next_phase()
    for level in range(3):
        stage, backbone = t.nets["E"][level].body.state_dict(), t.nets["D"][level].backbone.state_dict()
        assert stage.keys() == backbone.keys() and all(torch.equal(stage[k], backbone[k]) for k in stage)
    assert not torch.equal(t.nets["prior"].means, torch.zeros_like(t.nets["prior"].means))


@pytest.mark.slow
def test_the_floors_of_a_stack_know_only_the_one_beside_them():
    t = trained("stacked_gan", levels=3)
    model = t.model()
    p = model.wiring(model.nets, Batch(torch.rand(6, 1, 8, 8)), noise_for(torch.arange(6), 0, "verb"))
    G, E = model.nets["G"], model.nets["E"]
    torch.testing.assert_close(p.made[1], G.descend(1, p.made[2], p.drawn[1]))
    torch.testing.assert_close(p.alone[1], G.descend(1, p.features[1], p.drawn[1]))
    torch.testing.assert_close(p.again(1, p.made[1]), E.rise(1, p.made[1]))
    squares = [h.square().mean(1) for h in (p.h[1], p.h[2], p.made[1], p.made[2])]
    assert all(torch.allclose(s, torch.ones(6), atol=1e-4) for s in squares)


@pytest.mark.slow
def test_a_classifier_may_be_the_encoder():
    t = trained("stacked_gan", encoder="classifier")
    assert [phase.name for phase in t.run.schedule] == ["classifier", "levels from 1", "levels from 0"]
    assert "C" not in t.model().nets and torch.isfinite(t.model().sample(3)).all()


# scales


def test_a_discriminator_of_the_coarser_scales_enters_at_theirs():
    torch.manual_seed(0)
    D = ScaleDiscriminator((1, 9, 7), (4, 6, 8))
    pictures = pyramid(torch.randn(2, 1, 9, 7), [(9, 7), (5, 4), (3, 2)])
    assert [tuple(p.shape[2:]) for p in pictures] == [(9, 7), (5, 4), (3, 2)]
    for lowest in range(3):
        x = bundle(pictures[lowest:])
        assert all(torch.equal(a, b) for a, b in zip(D.unbundle(x), pictures[lowest:]))
        assert len(D(x, torch.zeros(2, 0)).logits) == 3 - lowest


@pytest.mark.slow
def test_a_generator_of_scales_draws_what_it_shows_at_the_full_size():
    model = trained("multiscale_gan").model()
    p = model.wiring(model.nets, noise=noise_for(torch.arange(4), 1, "verb"))
    torch.testing.assert_close(model.decode(p.z), p.picture[0])
    torch.testing.assert_close(model.sample(4, seed=1), p.picture[0])
    assert p.picture[1].shape == (4, 1, 4, 4)


# strategies


def test_each_strategy_is_a_list_of_phases():
    assert phases("stacked_gan") == phases("stacked_gan", training="coarse_to_fine")
    both = ["autoencoder", "independent", "joint"]
    assert phases("stacked_gan", training="independent_then_joint") == both
    assert phases("stacked_gan", training="independent") == ["autoencoder", "independent"]
    assert phases("stacked_gan", training="joint") == ["autoencoder", "joint"]
    assert phases("stacked_gan", training="coarse_to_fine") == ["autoencoder", "levels from 1", "levels from 0"]
    for name in ("hierarchical_vae", "multiscale_gan"):
        assert phases(name) == ["joint"]
        assert phases(name, training="coarse_to_fine") == ["levels from 1", "levels from 0"]


@pytest.mark.parametrize("training", ["independent", "independent_then_joint"])
@pytest.mark.parametrize("name,why", [("hierarchical_vae", "levels of a ladder"), ("multiscale_gan", "scales of one")])
def test_levels_that_cannot_train_alone_are_refused_with_the_reason(name, why, training):
    with pytest.raises(
        UserError, match=f"training={training}: the {why} .*cannot train alone.*joint or coarse_to_fine"
    ):
        configure(name, DIGITS, {"training": training})


@pytest.mark.parametrize(
    "name,info,settings,message",
    [
        ("hierarchical_vae", DIGITS, {"levels": 3}, "has 2 levels; expected 2"),
        ("hierarchical_vae", DIGITS, {"levels": 1}, "expected 2"),
        ("hierarchical_vae", TINY, {}, "use vae"),
        ("hierarchical_vae", DIGITS, {"channels": 0}, "channels=0"),
        ("stacked_gan", DIGITS, {"levels": 1}, "expected 2 to 8"),
        ("stacked_gan", TABLE, {"encoder": "classifier"}, "needs labels"),
        ("stacked_gan", DIGITS, {"teacher": 1}, "no images for the GAN"),
        ("multiscale_gan", TABLE, {}, "use gan"),
        ("multiscale_gan", TINY, {}, "one scale only"),
        ("multiscale_gan", DIGITS, {"channels": 0}, "channels=0"),
    ],
)
def test_hierarchies_that_cannot_be_are_refused(name, info, settings, message):
    with pytest.raises(UserError, match=message):
        configure(name, info, settings)
