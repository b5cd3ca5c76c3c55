"""A contract for every network: shapes, purity, odd sizes, forward mode, and that every parameter is used."""

import math
from itertools import product

import pytest
import torch

from aegean.config import net, networks
from aegean.data.batch import Batch
from aegean.nets import ConvDecoder, ConvEncoder, Discriminator, MLPDecoder, MLPEncoder, SharedDiscriminator
from aegean.nets.augment import AUGMENTATIONS, augment, cutout, numbers, translate
from aegean.nets.blocks import Clip, in_range
from aegean.paths import noise_for
from aegean.wirings import Standard

SHAPES = [(1, 8, 8), (3, 28, 28), (2, 7, 13), (5, 33, 20), (1, 4, 4), (1, 64), (3, 37)]
WIDTHS = [4, 6, 8]


def test_every_network_is_registered_for_this_contract():
    import aegean.latent  # noqa: F401

    assert set(networks()) == {
        "ConvEncoder", "ConvDecoder", "MLPEncoder", "MLPDecoder", "Discriminator", "GaussianCorruption",
        "Identity", "Gaussian", "NormalPrior", "GaussianPrior", "MixturePrior", "WhiteningPrior", "MappingPrior",
        "SharedDiscriminator", "FiniteScalar", "VectorQuantised", "IntegerPredictor", "CountModel",
        "Analysis", "Synthesis",  # tests/nets/test_transform.py
        # tests/integrations/test_diffusers.py
        "DiffusersEncoder", "DiffusersDecoder", "GivenGaussian", "GivenIdentity", "GivenCodes",
        "GivenScalars",
        # tests/nets/test_nets_of_levels.py
        "ConvLadder", "DenseLadder", "LadderPosterior", "ScaleDiscriminator",
        "Tower", "Stack", "Several", "NoiseReaders",
        "LogMel", "Loudness", "SoundDecoder", "SoundDiscriminator", "SoundEncoder", "Voice",  # tests/nets/test_sound.py
        "Damage", "MaskToken", "Residuals", "SmoothFill", "UDecoder", "Window",  # tests/nets/test_restorer.py
        "Placing",  # tests/nets/test_placing.py
        "ColumnsDecoder", "HiddenColumns",  # tests/nets/test_columns_decoder.py
        "Blanks", "TextDecoder", "TextEncoder",  # tests/nets/test_text_networks.py
        "Scorer", "Trunk",  # tests/test_anomalies.py
        "MarkedDecoder",  # tests/trust/test_mark.py
        "PrincipalDecoder", "PrincipalEncoder",  # tests/nets/test_principal.py
    }  # fmt: skip


def pair(kind, shape, classes=0):
    if kind == "conv":
        return ConvEncoder(shape, WIDTHS), ConvDecoder(shape, 5, WIDTHS, classes=classes)
    return MLPEncoder(shape, WIDTHS), MLPDecoder(shape, 5, WIDTHS, classes=classes)


@pytest.mark.parametrize("kind,shape", [*product(("conv", "mlp"), SHAPES), ("mlp", (10,)), ("mlp", (1,))])
@pytest.mark.parametrize("classes", [0, 3])
def test_encoder_and_decoder_mirror_each_other(kind, shape, classes):
    E, G = pair(kind, shape, classes)
    x, y = torch.randn(4, *shape), torch.arange(4) % 3 if classes else None
    levels = E(x)
    assert [tuple(h.shape[1:]) for h in levels] == E.levels
    z = torch.randn(4, 5)
    out = G.mean(G(z, y))
    assert out.shape == x.shape
    state = {k: v.clone() for k, v in E.state_dict().items()}
    again = E(x)
    assert torch.equal(again[-1], levels[-1]) and all(torch.equal(v, state[k]) for k, v in E.state_dict().items())
    if classes:
        assert not torch.equal(G.mean(G(z, (y + 1) % 3)), out)


@pytest.mark.parametrize("shape,patch", [((3, 16, 12), 2), ((1, 9, 6), 3), ((2, 8, 8), 1), ((2, 24), 3)])
def test_patches_and_grids_mirror_each_other(shape, patch):
    E = ConvEncoder(shape, WIDTHS, patch=patch)
    places = E.levels[-1][1:]
    G = ConvDecoder(shape, 5 * math.prod(places), WIDTHS, patch=patch, grid=True)
    assert [tuple(h.shape[1:]) for h in E(torch.randn(4, *shape))] == E.levels
    assert E.levels[0][1:] == tuple(size // patch for size in shape[1:])
    z = torch.randn(4, G.latent)
    assert G(z).shape == (4, *shape)
    with pytest.raises(AssertionError, match="no patches"):
        ConvEncoder((1, 9, 8), WIDTHS, patch=2)


@pytest.mark.parametrize("kind", ["conv", "mlp"])
def test_samples_of_a_batch_do_not_touch_each_other(kind):
    E, G = pair(kind, (1, 8, 8))
    x = torch.randn(6, 1, 8, 8)
    torch.testing.assert_close(E(x)[-1][:2], E(x[:2])[-1])
    z = torch.randn(6, 5)
    torch.testing.assert_close(G(z)[:2], G(z[:2]))


def test_logits_become_data_in_range():
    G = ConvDecoder((1, 8, 8), 5, WIDTHS, output="logits")
    raw = torch.linspace(-30, 30, 7)
    torch.testing.assert_close(G.mean(raw), 2 * torch.sigmoid(raw) - 1)


def make_discriminator(kind, shape, pack=1, augmentation=(), classes=0):
    packed = (shape[0] * pack, *shape[1:])
    backbone = net(ConvEncoder if kind == "conv" else MLPEncoder, shape=packed, widths=WIDTHS)
    D = Discriminator(backbone, classes=classes, pack=pack, augmentation=augmentation)
    with torch.no_grad():  # residual branches start at zero: give them a slope
        for p in D.parameters():
            p.add_(0.05 * torch.randn_like(p))
    return D


CASES = [
    ("conv", (1, 8, 8), 1, (), 0),
    ("conv", (3, 9, 7), 1, ("translation", "cutout"), 0),
    ("conv", (1, 8, 8), 2, ("translation",), 3),
    ("conv", (2, 21), 2, ("translation", "cutout"), 0),
    ("mlp", (6,), 1, (), 0),
    ("mlp", (6,), 4, (), 3),
    ("mlp", (1, 8, 8), 2, ("cutout",), 0),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_input_gradients_by_forward_mode_equal_double_backward(case):
    """|grad_x D|^2 and its gradient, both exact forms, in double precision and in float32."""
    kind, shape, pack, names, classes = case
    torch.manual_seed(0)
    D = make_discriminator(kind, shape, pack, names, classes)
    for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        D = D.to(dtype)
        x, y = torch.randn(8, *shape, dtype=dtype), torch.arange(8) % 3 if classes else None
        found = []
        for forward_mode in (False, True):
            p = Standard({"D": D}, Batch(x, y), noise_for(torch.arange(8), 0, "t"), {"real": 1}, forward_mode)
            slope = p.squared_gradient("real")
            loss = slope.sum() + p.real.logits[0].sum()
            found.append((slope.double(), torch.autograd.grad(loss, list(D.parameters()), allow_unused=True)))
        (s1, g1), (s2, g2) = found
        assert s1.shape == (8 // pack,) and s1.min() > 0
        tolerance = max(tolerance, 1e-6)  # a squared gradient is summed in float32
        torch.testing.assert_close(s1, s2, rtol=tolerance, atol=tolerance)
        a, b = (torch.cat([v.flatten().double() for v in g if v is not None]) for g in (g1, g2))
        assert (a - b).norm() < max(tolerance, 1e-6) * a.norm()


def test_an_input_gradient_by_finite_differences():
    torch.manual_seed(0)
    D = make_discriminator("mlp", (6,)).double()
    x = torch.randn(3, 6, dtype=torch.float64)
    p = Standard({"D": D}, Batch(x), noise_for(torch.arange(3), 0, "t"), {"real": 1})
    step, numeric = 1e-6, torch.zeros(3, 6, dtype=torch.float64)
    for i in range(6):
        e = torch.zeros(6, dtype=torch.float64)
        e[i] = step
        up, down = (D(x + s * e, torch.zeros(3, 0)).logits[0] for s in (1, -1))
        numeric[:, i] = (up - down).detach() / (2 * step)
    torch.testing.assert_close(p.squared_gradient("real").double(), numeric.square().sum(1), rtol=1e-5, atol=1e-7)


def test_packed_samples_are_judged_together():
    D = make_discriminator("conv", (1, 8, 8), pack=2)
    x, noise = torch.randn(8, 1, 8, 8), torch.zeros(8, 0)
    logits = D(x, noise).logits[0]
    assert logits.shape == (4,)
    changed = x.clone()
    changed[1] += 1
    moved = D(changed, noise).logits[0] != logits
    assert moved.tolist() == [True, False, False, False]


def test_translation_moves_by_whole_pixels_and_fills_with_zeros():
    x = torch.zeros(1, 1, 16, 16)
    x[0, 0, 5, 9] = 1
    for u, v in ((0.01, 0.5), (0.99, 0.01), (0.5, 0.5)):
        y = translate(x, torch.tensor([[u, v]]))
        shift = [int(t * 5) - 2 for t in (u, v)]  # an eighth of 16 is 2: from -2 to 2
        assert y[0, 0, 5 + shift[0], 9 + shift[1]] == 1 and y.sum() == 1


def test_cutout_is_half_the_size():
    y = cutout(torch.ones(2, 3, 16, 16), torch.tensor([[0.5, 0.5], [0.0, 0.0]]))
    assert (y[0] == 0).sum() == 3 * 8 * 8 and (y[1] == 0).sum() == 3 * 4 * 4


def test_a_sequence_is_moved_and_cut_along_its_one_axis():
    x = torch.randn(3, 2, 16)
    u = torch.tensor([[0.5, 0.9]]).expand(3, 2)
    assert torch.equal(translate(x, u), x)  # the middle of the first number: no shift
    assert torch.equal(translate(x, torch.ones(3, 2))[:, :, 2:], x[:, :, :-2])
    assert (cutout(torch.ones(3, 2, 16), u) == 0).sum() == 3 * 2 * 8


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentations_pass_gradients_and_see_each_sample_alone(name):
    x = torch.randn(2, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    u = torch.rand(2, numbers((name,)), dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda v: augment(v, u, (name,)), x, check_forward_ad=True)
    torch.testing.assert_close(augment(x, u, (name,))[1:2], augment(x[1:2], u[1:2], (name,)))


def test_a_reconstruction_is_seen_through_its_datas_augmentation():
    """Features of a moved picture compared with those of another move would blame the decoder for it."""
    D = make_discriminator("conv", (1, 8, 8), augmentation=("translation", "cutout"))
    x = torch.randn(4, 1, 8, 8)
    p = Standard({"D": D}, Batch(x), noise_for(torch.arange(4), 0, "t"))
    p.x_hat = p.x_fake = x.clone()
    assert torch.equal(p.recon.features[-1], p.real.features[-1])
    assert not torch.equal(p.fake.features[-1], p.real.features[-1])


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 7, 9), (2, 21), (6,)], ids=str)
@pytest.mark.parametrize("pixels", [False, True], ids=["features", "with pixels"])
@pytest.mark.parametrize("project", [False, True], ids=["shared", "projected"])
def test_a_shared_encoder_is_judged_at_every_level(shape, project, pixels):
    torch.manual_seed(0)
    E = (ConvEncoder if len(shape) > 1 else MLPEncoder)(shape, WIDTHS)
    levels = [shape, *E.levels] if pixels else E.levels
    D = SharedDiscriminator(levels, 8, project, augmentation=("colour",) if len(shape) == 3 else ())
    x, noise = torch.randn(5, *shape), torch.rand(5, *D.noise_shape)
    judged = D(x, noise, backbone=E)
    assert [tuple(logit.shape) for logit in judged.logits] == [(5,)] * len(levels)
    torch.testing.assert_close(D(x[1:3], noise[1:3], backbone=E).logits[0], judged.logits[0][1:3])
    assert not any("weight" in name for name, _ in D.channels.named_parameters())  # the projections never learn
    sum(logit.sum() for logit in judged.logits).backward()
    assert all(p.grad is not None for p in D.parameters())


def test_only_the_last_layer_of_a_dense_decoder_starts_at_half_the_gain():
    torch.manual_seed(0)
    G = MLPDecoder((1, 8, 8), 5, (64, 64, 64))  # as wide as its data
    last, *others = (layer.weight.std().item() for layer in G.layers)
    assert others == pytest.approx([2 * last] * 2, rel=0.1)


def test_a_description_cannot_ask_for_millions_of_layers():
    for make in (
        lambda: ConvEncoder((1, 8, 8), (4,), blocks=10**9),
        lambda: ConvDecoder((1, 8, 8), 5, (4,), blocks=10**9),
        lambda: MLPEncoder((4,), (1,) * 5000),
    ):
        with pytest.raises(AssertionError):
            make()


def test_a_clipped_number_learns_only_inwards():
    x = torch.tensor([-2.0, -2.0, 0.5, 2.0, 2.0], requires_grad=True)
    Clip.apply(x).backward(torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0]))
    assert x.grad.tolist() == [0.0, -1.0, 1.0, 1.0, 0.0]


def test_pictures_have_a_range_and_rows_have_none():
    raw = torch.tensor([[-3.0, 0.5, 3.0]])
    assert in_range(raw[:, None, None], "linear").flatten().tolist() == [-1.0, 0.5, 1.0]
    assert torch.equal(in_range(raw, "linear"), raw)
    torch.testing.assert_close(in_range(raw, "logits"), 2 * raw.sigmoid() - 1)
