import json
import os
import pathlib

import pytest
import torch
from steps import cover, history, moments, phase_means, trainer

from aegean.config import UserError
from aegean.objectives import GaussianBits, Rate
from aegean.recipes import RECIPES
from aegean.training.edges import copy_values
from aegean.training.folder import Folder
from aegean.training.schedule import Copy

GOLDEN = pathlib.Path(__file__).with_name("golden.json")


PICTURES_ALONE = (
    "few_shot_gan",
    "multiscale_gan",
    "lossless",
    "restore",
    "sound_codec",
    "sound_gan",
    "translate",
    "unit",
)
CASES = [(name, on_rows) for name in RECIPES for on_rows in (False, True) if not (on_rows and name in PICTURES_ALONE)]


@pytest.mark.parametrize("name,on_rows", CASES, ids=lambda v: v if isinstance(v, str) else ("pictures", "rows")[v])
def test_golden_losses_of_ten_steps(make, name, on_rows):
    """Behaviour must not drift in silence. AEGEAN_GOLDEN=write makes the file anew, after a change that is meant."""
    means = phase_means(moments(make(name, True, 10)) if on_rows else history(name))
    key = f"{name} {'rows' if on_rows else 'pictures'}"
    known = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if os.environ.get("AEGEAN_GOLDEN") == "write":
        GOLDEN.write_text(json.dumps({**known, key: means}, indent=1, sort_keys=True) + "\n")
        return
    assert [set(phase) for phase in means] == [set(phase) for phase in known[key]]
    for phase, expected in zip(means, known[key]):
        for label, value in phase.items():
            assert value == pytest.approx(expected[label], rel=1e-3, abs=1e-5), label


@pytest.mark.slow
@pytest.mark.parametrize("name", cover())
def test_a_trainer_loaded_from_any_state_ends_the_same_however_often_it_is_saved(name, tmp_path):
    """From after the first step, saved at every step on the way; and from where the last phase begins."""
    known = history(name)
    folder = Folder(tmp_path)
    folder.state.parent.mkdir()
    for start in (known[1], [m for m in known if m.began][-1]):
        t = trainer(name, 10)
        t.load({k: v.clone() for k, v in start.tensors.items()}, start.clock)
        for _ in t:
            t.means()
            if start is known[1]:
                t.model().save(folder.model)
                folder.save_state(t.tensors(), t.clock(), {})
        ours, theirs = known[-1].tensors, t.tensors()
        assert ours.keys() == theirs.keys()
        assert [k for k in ours if not torch.equal(ours[k], theirs[k])] == []


@pytest.mark.slow
def test_seeds_differ_and_repeat(make, finish):
    losses = [finish(make("gan", seed=seed))[0]["G/GeneratorLoss(fake)"] for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]


def test_the_global_generator_is_left_alone(make, finish):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    finish(make("vae"))
    assert torch.equal(torch.rand(3), expected)


def test_an_autoencoder_has_no_discriminator_and_a_gan_no_squared_error(make):
    assert "D" not in make("ae").nets
    labels = {term.label for turn in make("gan").phase.turns for term in turn.terms}
    assert labels == {"DiscriminatorLoss(fake)", "R1", "R2", "GeneratorLoss(fake)"}


def test_the_vae_minimises_minus_the_bound_with_beta_on_the_rate(make):
    terms = make("vae", beta=3.0).phase.turns[0].terms
    assert [(type(t), t.weight) for t in terms] == [(GaussianBits, 1.0), (Rate, 3.0)]
    model = make("vae").model()
    assert model.bound and all(t.weight == 1.0 for t in model.bound)


def test_the_score_is_the_bound_per_sample(make, finish, digits):
    """-(reconstruction + KL) of the same posterior draw, against torch.distributions."""
    from torch.distributions import Normal, kl_divergence

    from aegean.paths import noise_for

    trainer = make("vae")
    finish(trainer)
    model = trainer.model()
    x = model.info.normalise(digits[0][:32])
    score = model.score(x, seed=3)
    latent = model.nets["bottleneck"](
        model.nets["E"](x)[-1], noise_for(torch.arange(32), 3, "verb")("posterior", "normal", (4,))
    )
    mean, log_variance = latent.stats
    G = model.nets["G"]
    likelihood = Normal(G.mean(G(latent.z)), (G.log_variance() / 2).exp()).log_prob(x)
    divergence = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    bound = (likelihood.flatten(1).sum(1) - divergence) / torch.log(torch.tensor(2.0))
    torch.testing.assert_close(score, bound, rtol=1e-4, atol=1e-3)


@pytest.mark.slow
def test_training_improves_the_bound(make, finish, digits):
    trainer = make("vae", steps=150)
    x = trainer.info.normalise(digits[0])
    before = trainer.model().score(x).mean()
    finish(trainer)
    assert trainer.model().score(x).mean() > before + 10


def test_edges_hand_over_encoder_and_prior(make):
    trainer = make("ae_to_gan")
    next(began for began in trainer if began)
    E, backbone = trainer.nets["E"].state_dict(), trainer.nets["D"].backbone.state_dict()
    assert all(torch.equal(E[k], v) for k, v in backbone.items())
    assert not torch.equal(trainer.nets["prior"].means, torch.zeros_like(trainer.nets["prior"].means))
    z, _ = trainer.latents(1000)
    noise = torch.randn(4000, z.shape[1]), torch.rand(4000, 1)
    drawn = trainer.nets["prior"](*noise)
    torch.testing.assert_close(drawn.mean(0), z.mean(0), atol=0.2, rtol=0.1)
    torch.testing.assert_close(drawn.std(0), z.std(0), atol=0.2, rtol=0.1)


def test_a_packed_discriminator_inherits_the_same_features(make):
    """Repeating the first layer along its inputs: a pack of equal pictures gives the encoder's own features."""
    trainer = make("ae_to_gan", pack=2)
    copy_values(trainer.nets, Copy("E", "D.backbone"))
    x = torch.randn(3, 1, 8, 8)
    torch.testing.assert_close(trainer.nets["D"].backbone(torch.cat((x, x), 1))[-1], trainer.nets["E"](x)[-1])


def test_a_copy_that_does_not_fit_says_so(make):
    trainer = make("ae_to_gan")
    with pytest.raises(UserError, match=r"G cannot be copied to D.backbone: stem.weight needs shape"):
        copy_values(trainer.nets, Copy("G", "D.backbone"))


@pytest.mark.parametrize("term", ["D/DiscriminatorLoss(fake)", "G/GeneratorLoss(fake)"])
def test_a_loss_that_is_not_finite_moves_nothing_and_is_named(make, term):
    trainer = make("gan")
    trainer.step()
    with torch.no_grad():
        player = trainer.current.players[term[0] == "G"]
        next(iter(player.params.values())).fill_(float("nan"))
    names = [name for name in trainer.tensors() if name.startswith("net/")]
    before = {k: trainer.tensors()[k].clone() for k in names}
    trainer.step()
    assert all(torch.equal(before[k].nan_to_num(7), trainer.tensors()[k].nan_to_num(7)) for k in names)
    fault = trainer.blame()
    assert "DiscriminatorLoss(fake) in turn 'D' at image 16" in fault and "nan" in fault


@pytest.mark.slow
def test_an_exploding_gradient_is_named(make):
    trainer = make("ae", steps=200, error="squared")
    for _ in range(110):
        trainer.step()
    assert trainer.blame() is None
    with torch.no_grad():
        trainer.nets["G"].last.weight.mul_(1e6)
    trainer.step()
    assert "SquaredError in turn 'AE'" in trainer.blame()


@pytest.mark.slow
def test_a_gradient_that_comes_back_from_nothing_is_no_explosion(make):
    """A saturated hinge loss without penalties rests at no gradient at all; its return is no fault."""
    trainer = make("gan", steps=200, loss="hinge", gamma=0.0)
    for _ in range(101):
        trainer.step()
    trainer.current.players[0].norm.zero_()
    trainer.step()
    assert trainer.blame() is None


def test_budgets_are_whole_steps_and_keep_proportions(make):
    run = make("ae_to_gan").run
    for total in (10_000, 99_999):
        longer = run.with_images(total)
        assert abs(longer.images - total) <= run.batch
        assert all(phase.images % run.batch == 0 for phase in longer.schedule)
        shares = [phase.images / longer.images for phase in longer.schedule]
        assert shares == pytest.approx([0.9, 0.05, 0.05], abs=0.02)
    raised = run.with_images(10_000).with_images(20_000, finished=2)
    assert [p.images for p in raised.schedule[:2]] == [p.images for p in run.with_images(10_000).schedule[:2]]
    assert abs(raised.images - 20_000) <= run.batch


def test_averages_follow_and_become_the_weights(make):
    trainer = make("ae_to_gan")
    trainer.step()
    assert (
        not torch.equal(trainer.current.averages["G"].last.weight, trainer.nets["G"].last.weight) or trainer.seen == 16
    )
    while not trainer.phase_ended:
        trainer.step()
    average = trainer.current.averages["G"].last.weight.clone()
    trainer.next_phase()
    assert torch.equal(trainer.nets["G"].last.weight, average)


@pytest.mark.parametrize("turn", [0, 1])
def test_an_update_is_adam_on_the_gradient_whatever_the_memory_layout(make, turn):
    """The fused Adam walks memory, so a gradient laid out otherwise than its weights would move others instead."""
    trainer = make("gan")
    player = trainer.current.players[turn]
    for _ in range(3):
        reference = {k: p.detach().clone().contiguous().requires_grad_() for k, p in player.params.items()}
        adam = torch.optim.Adam(reference.values(), lr=5e-4, betas=(0.0, 0.99), fused=False, foreach=False)
        for k, q in reference.items():
            adam.state[q] = {
                "step": player.count.clone(),
                "exp_avg": player.means[k].clone().contiguous(),
                "exp_avg_sq": player.squares[k].clone().contiguous(),
            }
        trainer.current.ready(trainer.images)
        _, grads, _ = trainer.current.gradients(player, trainer.at.at_run + torch.arange(trainer.run.batch))
        for q, grad in zip(reference.values(), grads):
            q.grad = grad.contiguous()
        trainer.current.play(player)
        adam.param_groups[0]["lr"] = float(player.lr)
        adam.step()
        for k, p in player.params.items():
            torch.testing.assert_close(p, reference[k], rtol=1e-5, atol=1e-7, msg=k)


def test_an_average_has_the_codebook_of_now(make):
    """What learns from sums is an average already."""
    trainer = make("vq_ae")
    for _ in range(5):
        trainer.step()
    now, average = trainer.nets["bottleneck"], trainer.current.averages["bottleneck"]
    assert all(torch.equal(a, b) for a, b in zip(now.buffers(), average.buffers()))
    assert not torch.equal(now.project.weight, average.project.weight)


def test_a_bad_update_leaves_codebooks_and_tables_alone(make):
    trainer = make("vq_ae")
    trainer.step()
    before = trainer.nets["bottleneck"].book.clone()
    with torch.no_grad():
        trainer.nets["E"].stem.weight.fill_(float("nan"))
    trainer.step()
    assert "SquaredError" in trainer.blame() or "Commitment" in trainer.blame()
    torch.testing.assert_close(trainer.nets["bottleneck"].book, before)
    assert all(b.isfinite().all() for b in trainer.nets["symbols"].buffers())


def test_how_codes_are_used_is_told_while_training(make):
    trainer = make("vq_ae")
    trainer.step()
    found = trainer.means()
    assert 0 < found["bottleneck/use"] <= 1 and 0 <= found["bottleneck/entropy"] <= 8
