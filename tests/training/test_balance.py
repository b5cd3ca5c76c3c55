"""Where several terms meet, each has the pull that its share says: by hand, in a run, and whatever its scale."""

import math
from dataclasses import dataclass

import pytest
import torch
from steps import trainer

from aegean.data.kinds import inside
from aegean.objectives import GeneratorLoss, SquaredError, Term
from aegean.training.balance import balanced, remember
from aegean.training.schedule import Turn

FIRST, OTHER, ASIDE = (
    SquaredError(trains=("G",), weight=w, of=name) for w, name in ((3.0, "a"), (0.5, "b"), (2.0, "c"))
)
TURN = Turn("AE", (FIRST, OTHER, ASIDE), balance="x_hat")
ZERO = torch.zeros(())


def meeting(slope, running, turn=TURN, terms=TURN.terms, free=((True, True), (True, True))):
    """The gradient for x (2, 2), and for a number that nothing else moves, of the balanced losses: |x - 1|^2, slope * x
    and the number's square."""
    w, aside = torch.tensor([[1.0, 3.0], [0.0, 1.0]], requires_grad=True), torch.tensor(4.0, requires_grad=True)
    x = w.clone()
    losses = {
        FIRST: (x - 1).square().sum(1).mean(),
        OTHER: (x * torch.tensor(slope)).sum(1).mean(),
        ASIDE: aside.square(),
    }
    met = balanced(turn, terms, [losses[term] for term in terms], x, torch.tensor(free), torch.tensor(running), ZERO)
    grads = torch.autograd.grad(sum(met.losses), (w, aside), materialize_grads=True)
    return met, *grads


def test_the_balance_by_hand():
    """Of samples' own losses: g_0 = 2 (x - 1), and g_1 = slope. With m_0 = 4 and m_1 = 5, R = 3 * 4 = 12, and the
    second term pulls with 0.5 * 12 * g_1 / 5, which is 6 long where g_1 is 5 long; 40 long it would be 48, and is
    cut to 12."""
    met, at_x, aside = meeting([[3.0, 4.0], [0.0, 40.0]], [16.0, 25.0, 0.0])
    pull = torch.tensor([[3.6, 4.8], [0.0, 12.0]])
    own = 3 * 2 * torch.tensor([[0.0, 2.0], [-1.0, 0.0]])
    torch.testing.assert_close(at_x, (own + pull) / 2)
    assert aside == 2 * 2 * 4  # a term that does not go there keeps its gradient, times its weight
    assert met.squares.tolist() == [4**2 + 2**2, 5**2 + 40**2, 0]


def test_nothing_pulls_before_it_was_measured():
    met, at_x, _ = meeting([[3.0, 4.0], [0.0, 40.0]], [0.0, 0.0, 0.0])
    torch.testing.assert_close(at_x, 3 * torch.tensor([[0.0, 2.0], [-1.0, 0.0]]))
    assert met.squares[1] == 25 + 1600


def test_only_the_first_term_moves_what_is_not_free():
    met, at_x, _ = meeting([[3.0, 4.0], [0.0, 40.0]], [16.0, 25.0, 0.0], free=((True, False), (True, False)))
    pull = torch.tensor([[0.5 * 12 * 3 / 5, 0.0], [0.0, 0.0]])
    own = 3 * 2 * torch.tensor([[0.0, 2.0], [-1.0, 0.0]])
    torch.testing.assert_close(at_x, (own + pull) / 2)
    assert met.squares.tolist() == [4**2 + 2**2, 3**2, 0]  # of what pulls


def test_a_term_alone_pulls_as_it_does_in_company():
    """So that the sum of the terms' gradients is the whole, and a guard can ask each for its own."""
    _, whole, _ = meeting([[3.0, 4.0], [0.0, 40.0]], [16.0, 25.0, 0.0])
    apart = [meeting([[3.0, 4.0], [0.0, 40.0]], [16.0, 25.0, 0.0], terms=(term,))[1] for term in TURN.terms]
    torch.testing.assert_close(sum(apart), whole)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_scale_of_a_loss_is_of_no_effect(scale):
    _, at_x, _ = meeting([[3.0, 4.0], [0.0, 5.0]], [16.0, 25.0, 0.0])
    _, scaled, _ = meeting([[3.0 * scale, 4.0 * scale], [0.0, 5.0 * scale]], [16.0, 25.0 * scale**2, 0.0])
    torch.testing.assert_close(scaled, at_x)


def test_running_means_are_plain_at_first_and_skip_bad_updates():
    running, good, bad = torch.zeros(1), torch.tensor(False), torch.tensor(True)
    for count, square in enumerate((8.0, 4.0, 6.0), 1):
        remember(running, torch.tensor([square]), 2, torch.tensor(float(count)), good)
    assert running.item() == pytest.approx(3.0)  # of 4, 2 and 3 a sample
    remember(running, torch.tensor([math.nan]), 2, torch.tensor(3.0), bad)
    assert running.item() == pytest.approx(3.0)
    remember(running, torch.tensor([206.0]), 2, torch.tensor(1000.0), good)
    assert running.item() == pytest.approx(4.0)


def test_a_term_with_a_way_round_the_path_is_an_error():
    w = torch.ones(2, 2, requires_grad=True)
    x = w.clone()
    with pytest.raises(AssertionError, match=r"SquaredError\(b\) has a way round"):
        balanced(TURN, (OTHER,), [(x * w).sum()], x, torch.ones_like(x, dtype=torch.bool), torch.ones(3), ZERO)


def adversarial(steps=12, **settings):
    """A small vq_gan in its second phase, some steps on; and the decoder's player."""
    t = trainer("vq_gan", steps=2 * steps, **settings)
    next(began for began in t if t.phase.name == "adversarial")
    t.step()
    t.current.ready(t.images)
    return t, next(player for player in t.current.players if player.turn.name == "AE")


def pulls(t, player):
    """The length of each sample's pull at x_hat (terms, B): what goes backwards, as a gradient there."""
    losses, x = [], None
    t.current.move_only(player)
    p = t.current.paths(player.turn, t.current.index(), 0, player.turn.terms)
    losses = [term(p).mean() for term in player.turn.terms]
    met = balanced(
        player.turn, player.turn.terms, losses, p.x_hat, inside(t.info, p.x_hat), player.slopes, t.current.progress()
    )
    x = p.x_hat
    found = [torch.autograd.grad(loss, x, retain_graph=True, allow_unused=True)[0] for loss in met.losses]
    return torch.stack([torch.zeros(len(x)) if g is None else len(x) * g.flatten(1).norm(dim=1) for g in found])


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"quantiser": "finite", "encoder": "train"}], ids=str)
def test_in_a_run_each_term_has_its_share(settings):
    """Summed up over ten steps. A sample never gets more than twice of it."""
    t, player = adversarial(adversary=0.4, features=0.2, **settings)
    total = 0
    for _ in range(10):
        t.step()
        t.current.ready(t.images)
        found = pulls(t, player)
        total = total + found.square().sum(1)
        limit = 2 * player.turn.terms[0].weight * player.slopes[0].sqrt() * 1.0001
        assert (found[1] <= 0.4 * limit).all() and (found[2] <= 0.2 * limit).all()
        assert not found[3:].any()  # the rate and the commitment do not go there
    assert (total[1] / total[0]).sqrt() == pytest.approx(0.4, rel=0.4)  # it lags behind while the judge is new
    assert (total[2] / total[0]).sqrt() == pytest.approx(0.2, rel=0.4)


@dataclass(frozen=True, kw_only=True)
class Loud(GeneratorLoss):
    def __call__(self, p) -> torch.Tensor:
        return 1e5 * super().__call__(p)


@pytest.mark.slow
def test_an_adversary_a_hundred_thousand_times_as_loud_trains_the_same_decoder():
    def weights(cls: type[Term]):
        t, player = adversarial()
        run = t.run
        phase = run.schedule[-1]
        terms = tuple(
            cls(trains=term.trains, loss=term.loss, fake=term.fake, weight=term.weight)
            if isinstance(term, GeneratorLoss)
            else term
            for term in player.turn.terms
        )
        turns = tuple(turn.replace(terms=terms) if turn.name == "AE" else turn for turn in phase.turns)
        t.run = run.replace(schedule=(*run.schedule[:-1], phase.replace(turns=turns)))
        t.enter(with_edges=False)
        for _ in range(10):
            t.step()
        assert t.blame() is None
        return t.nets["G"].state_dict()

    quiet, loud = weights(GeneratorLoss), weights(Loud)
    for name, value in quiet.items():
        torch.testing.assert_close(loud[name], value, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"encoder": "train"}, {"quantiser": "finite", "encoder": "train"}], ids=str)
def test_once_balanced_a_term_still_reaches_exactly_whom_it_names(settings):
    t, player = adversarial(**settings)
    for term in player.turn.terms:
        _, grads, _ = t.current.gradients(player, t.current.index(), only=term)
        reached = {name for name, grad in zip(player.params, grads) if grad.any()}
        assert {name.split(".")[0] for name in reached} == set(term.trains), term.label
