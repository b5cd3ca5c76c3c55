"""Input gradients are exact in both forms and both precisions, for all that ships; what autocast may round."""

import sys
from typing import NamedTuple

import pytest
import torch
from pairs import pairwise
from torch import nn

from aegean.config import Net, networks
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.latent import NormalPrior
from aegean.nets import Discriminator, DiscriminatorOutput, MLPDecoder
from aegean.nets.augment import AUGMENTATIONS
from aegean.objectives import GradientPenalty, WassersteinPenalty
from aegean.paths import noise_for
from aegean.recipes import RECIPES, configure
from aegean.recipes.registry import options
from aegean.testing import with_sides
from aegean.wirings import Standard

OURS = ("ConvEncoder", "MLPEncoder")  # those of other libraries are tested where they are read
BACKBONES = sorted(name for name in networks() if name in OURS)
PICTURES = [(1, 8, 8), (3, 7, 9)]
ROWS = (6,)
PENALTIES = [*(GradientPenalty(trains=("D",), on=on) for on in ("real", "fake")), WassersteinPenalty(trains=("D",))]


class Case(NamedTuple):
    backbone: str
    shape: tuple[int, ...]
    pack: int
    classes: int
    augmentation: tuple[str, ...]
    bias: bool

    def __str__(self):
        return "-".join(str(v).replace(" ", "") for v in self)


AUGMENTED = [(), *((name,) for name in AUGMENTATIONS), tuple(AUGMENTATIONS)]
CASES = pairwise(
    Case(backbone, shape, pack, classes, augmentation, bias)
    for backbone in BACKBONES
    for shape in [*PICTURES, ROWS]
    for pack in (1, 2)
    for classes in (0, 3)
    for augmentation in AUGMENTED
    for bias in (True, False)
    if len(shape) == 3 or (backbone == "MLPEncoder" and not augmentation)
)


def perturbed(net, by=0.1):
    """Away from zero-initialised layers, where a wrong derivative would be zero as well."""
    with torch.no_grad():
        for p in net.parameters():
            p.add_(by * torch.randn_like(p))
    return net


def build(case):
    """Networks of a discriminator's turn: all but D hold still, as the trainer arranges it."""
    torch.manual_seed(0)
    packed = (case.shape[0] * case.pack, *case.shape[1:])
    backbone = Net(case.backbone, {"shape": packed, "widths": (4, 6, 8)})
    D = perturbed(Discriminator(backbone, case.classes, case.pack, case.augmentation, case.bias))
    G = perturbed(MLPDecoder(case.shape, 5, (7, 9), classes=case.classes)).requires_grad_(False)
    return {"D": D, "G": G, "prior": NormalPrior(5, case.classes)}


class ManyHeads(nn.Module):
    """A discriminator of another make: two heads on different levels, one with three logits a sample."""

    noise_shape = (0,)
    shares = ""
    pack = 1

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 8)
        self.one, self.three = nn.Linear(8, 1), nn.Linear(8, 3)

    def forward(self, x, noise, labels=None):
        a = torch.tanh(self.first(x))
        b = nn.functional.leaky_relu(self.second(a), 0.2)
        return DiscriminatorOutput((self.one(b)[:, 0], self.three(a)), (a, b), x)


def many_heads():
    torch.manual_seed(0)
    return {"D": perturbed(ManyHeads()), "G": MLPDecoder(ROWS, 5, (7,)).requires_grad_(False), "prior": NormalPrior(5)}


def paths(nets, shape, names, forward_mode=False, dtype=torch.float32, float32=(), count=8):
    torch.manual_seed(1)
    x, index = torch.randn(count, *shape, dtype=dtype), torch.arange(count)
    return Standard(nets, Batch(x, index % 3), noise_for(index, 0, "t"), names, forward_mode, float32)


def penalised(nets, shape, term, forward_mode, bfloat16=False, **more):
    """A penalty's values, and the gradient of their mean for all of D's parameters as one vector, in float64."""
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16, cache_enabled=False):
        values = term(paths(nets, shape, term.gradients, forward_mode, **more))
    grads = torch.autograd.grad(values.mean(), list(nets["D"].parameters()), materialize_grads=True)
    return values.detach().double(), torch.cat([g.flatten() for g in grads]).double()


def away(a, b):
    """How far a is from b, relative to b."""
    return float((a - b).norm() / b.norm())


def cosine(a, b):
    return float(nn.functional.cosine_similarity(a, b, 0))


def agree_in_float32(nets, shape):
    for term in PENALTIES:
        (v1, g1), (v2, g2) = (penalised(nets, shape, term, forward_mode) for forward_mode in (True, False))
        assert g2.norm() > 0
        assert away(v1, v2) < 1e-5, term.label
        assert away(g1, g2) < 1e-5, term.label


def agree_in_bfloat16(nets, shape):
    """At a batch that double backward is right at (see the test of small batches)."""
    for term in PENALTIES:
        (v1, g1), (v2, g2) = (penalised(nets, shape, term, mode, bfloat16=True, count=32) for mode in (True, False))
        assert cosine(v1, v2) > 0.999, term.label
        assert cosine(g1, g2) > 0.999, term.label


@pytest.fixture
def smooth(monkeypatch):
    """The shipped activation with its kink rounded off: 0.2 x + 0.8 softplus(x)."""
    modules = [m for name, m in sys.modules.items() if name.startswith("aegean.nets.") and hasattr(m, "act")]
    assert len(modules) >= 3
    for module in modules:
        monkeypatch.setattr(module, "act", lambda x: 0.2 * x + 0.8 * nn.functional.softplus(x))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_forms_agree_in_float32(case):
    agree_in_float32(build(case), case.shape)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES[::4], ids=str)
def test_both_forms_agree_in_bfloat16(case):
    agree_in_bfloat16(build(case), case.shape)


def test_both_forms_agree_for_several_heads_and_several_logits_a_sample():
    agree_in_float32(many_heads(), ROWS)
    agree_in_bfloat16(many_heads(), ROWS)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES[::4], ids=str)
def test_bfloat16_is_true_to_float32_but_for_kinks(case, smooth):
    """A unit within rounding of the kink of leaky ReLU takes the other branch, and the derivative of the gradient jumps
    with it; in networks of a few units that turns the gradient visibly. With the kink rounded off nothing is left, but
    for augmented samples, whose values may grow up to threefold: 0.9981 at the least, which case depends on the
    processor."""
    nets, least = build(case), 0.997 if case.augmentation else 0.999
    for term in PENALTIES:
        found = penalised(nets, case.shape, term, True, bfloat16=True)[1]
        assert cosine(found, penalised(nets, case.shape, term, False)[1]) > least, term.label


@pytest.mark.parametrize("forward_mode", [False, True])
@pytest.mark.parametrize("network", ["conv", "mlp"])
def test_bfloat16_is_true_to_float32_in_the_networks_of_a_recipe(network, forward_mode):
    """R1 and R2 with the shipped activation and widths, kinks and all, at the recipe's batch."""
    run = configure("gan", DataInfo("digits", (1, 8, 8), (127.5,), (127.5,), count=1400), {"network": network})
    torch.manual_seed(0)
    nets = {name: spec.build() for name, spec in run.nets.items()}
    perturbed(nets["D"], 0.02)
    nets["G"].requires_grad_(False)
    for term in PENALTIES[:2]:
        found = penalised(nets, (1, 8, 8), term, forward_mode, bfloat16=True, count=run.batch)[1]
        assert cosine(found, penalised(nets, (1, 8, 8), term, False, count=run.batch)[1]) > 0.999, term.label


def test_forward_mode_in_bfloat16_is_right_for_small_batches_too():
    """Double backward turns the batch into the channels, and the picture into the kernel, of a convolution; for eight
    channels under a kernel of 8 x 8 oneDNN 3.12 is wrong on processors with AMX: a cosine of 0.76 here."""
    case = Case("ConvEncoder", (1, 8, 8), 1, 0, (), False)
    nets = build(case)
    (_, found), (_, true) = (penalised(nets, case.shape, PENALTIES[0], True, bfloat16) for bfloat16 in (True, False))
    assert cosine(found, true) > 0.999


@pytest.mark.slow
@pytest.mark.parametrize("forward_mode", [False, True])
@pytest.mark.parametrize(
    "backbone,shape", [("ConvEncoder", (1, 5, 4)), ("MLPEncoder", (1, 5, 4))], ids=["ConvEncoder", "MLPEncoder"]
)
def test_the_gradient_of_a_penalty_by_finite_differences(backbone, shape, forward_mode):
    """In float64, for every single parameter; the squared gradient itself from plain autograd."""
    torch.manual_seed(0)
    arguments = {"shape": (2, *shape[1:]), "widths": (2, 3)}
    D = Discriminator(Net(backbone, arguments), classes=3, pack=2, augmentation=("translation",))
    perturbed(D).double()
    p = paths({"D": D}, shape, {"real": 1}, forward_mode, torch.float64)
    found = p.squared_gradient("real")
    exact = torch.autograd.grad(found.sum(), list(D.parameters()), materialize_grads=True)
    noise = p.noise("augment real", "uniform", D.noise_shape)

    def squared():
        x = p.x.clone().requires_grad_()
        (v,) = torch.autograd.grad(D(x, noise, p.labels).logits[0].sum(), x)
        return v.square().unflatten(0, (-1, 2)).flatten(1).sum(1)

    torch.testing.assert_close(found, squared(), rtol=1e-12, atol=0)
    step, numeric = 1e-6, []
    with torch.no_grad():
        for value in (v for param in D.parameters() for v in param.view(-1).unbind()):
            sums = []
            for by in (step, -2 * step):
                value += by
                with torch.enable_grad():
                    sums.append(squared().sum())
            value += step
            numeric.append((sums[0] - sums[1]) / (2 * step))
    assert away(torch.stack(numeric), torch.cat([g.flatten() for g in exact])) < 1e-7


@pytest.mark.parametrize("forward_mode", [False, True])
@pytest.mark.parametrize("term", PENALTIES, ids=lambda term: term.label)
def test_the_gradient_reaches_the_discriminator_only(term, forward_mode):
    nets = build(CASES[0])
    p = paths(nets, CASES[0].shape, term.gradients, forward_mode)
    nets["G"].requires_grad_(True)
    with torch.no_grad():
        made = p.x_fake  # with a generator that moves, but samples that hold still
    term(p).mean().backward()
    reached = {name for name, param in nets["D"].named_parameters() if param.grad is not None and param.grad.any()}
    assert {name.removesuffix(".weight") for name in reached} >= {"backbone.stem", "head"}
    assert all(param.grad is None for param in nets["G"].parameters())
    assert p.x.grad is None and made.grad is None


@pytest.mark.parametrize("forward_mode", [False, True])
def test_penalties_at_every_so_many_packs_leave_the_logits_as_they_are(forward_mode):
    case = next(case for case in CASES if case.pack > 1 and case.augmentation)
    nets = build(case)
    plain = paths(nets, case.shape, {}, count=16)
    whole, some = (paths(nets, case.shape, {"real": every}, forward_mode, count=16) for every in (1, 4))
    torch.testing.assert_close(some.squared_gradient("real"), whole.squared_gradient("real")[::4])
    torch.testing.assert_close(some.real.logits, plain.real.logits)
    torch.testing.assert_close(some.real.features, plain.real.features)
    odd = paths(nets, case.shape, {"real": 4}, forward_mode, count=3 * case.pack)
    assert len(odd.squared_gradient("real")) == 3  # no whole number of fours: all of them


def test_a_gradient_at_samples_that_move_is_refused():
    """Its gradient would reach the generator, which forward mode cannot give."""
    nets = build(CASES[0])
    nets["G"].requires_grad_(True)
    with pytest.raises(AssertionError, match="hold still"):
        paths(nets, CASES[0].shape, {"fake": 1}).squared_gradient("fake")


@pytest.mark.parametrize("forward_mode", [False, True])
def test_logits_and_squared_gradients_are_float32_under_autocast(forward_mode):
    with torch.autocast("cpu", torch.bfloat16):
        p = paths(build(CASES[0]), CASES[0].shape, {"real": 1, "fake": 1}, forward_mode)
        for judged, name in ((p.real, "real"), (p.fake, "fake")):
            assert judged.features[0].dtype == torch.bfloat16
            assert judged.logits[0].dtype == p.squared_gradient(name).dtype == torch.float32


@pytest.mark.parametrize("forward_mode", [False, True])
def test_a_judgement_in_float32_knows_nothing_of_autocast_around_it(forward_mode):
    nets, shape = build(CASES[0]), CASES[0].shape
    term = GradientPenalty(trains=("D",), precision="float32")
    values, gradient = penalised(nets, shape, term, forward_mode)
    v, g = penalised(nets, shape, term, forward_mode, bfloat16=True, float32=term.float32)
    assert torch.equal(values, v) and torch.equal(gradient, g)
    assert not torch.equal(values, penalised(nets, shape, term, forward_mode, bfloat16=True)[0])
    with torch.autocast("cpu", torch.bfloat16):
        p = paths(nets, shape, {"real": 1, "fake": 1}, forward_mode, float32=("fake",))
        dtypes = [judged.features[0].dtype for judged in (p.fake, p.real)]  # from a fake that came out in bfloat16
        assert p.x_fake.dtype == torch.bfloat16 and dtypes == [torch.float32, torch.bfloat16]


@pytest.mark.parametrize("loss", ["relativistic", "wasserstein"])
@pytest.mark.parametrize("name", [name for name in RECIPES if "penalty" in options(name)])
def test_every_recipe_with_penalties_takes_them_in_float32_by_option(name, loss):
    info = DataInfo("digits", (1, 8, 8), (127.5,), (127.5,))
    for penalty in ("auto", "float32"):
        chosen = {"loss": loss} if "loss" in options(name) else {}
        chosen |= {"restore": {"adversary": True}, "sound_codec": {"plain": 0.5}}.get(name, {})
        run = configure(name, with_sides(name, info), {**chosen, "penalty": penalty})
        terms = [term for phase in run.schedule for turn in phase.turns for term in turn.terms if term.gradients]
        assert terms
        assert all(term.float32 == (tuple(term.gradients) if penalty == "float32" else ()) for term in terms)


def test_no_recipe_with_penalties_lacks_the_option():
    assert {name for name in RECIPES if "gamma" in options(name)} == {n for n in RECIPES if "penalty" in options(n)}
