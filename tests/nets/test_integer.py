import numpy as np
import pytest
import torch

from aegean.codec.plane import Plane
from aegean.codec.shape import Shape
from aegean.nets.integer import MEMORY, IntegerPredictor
from aegean.nets.logistic import first_counts, log_scale, logistic_bits

SIZES = [
    {"channels": 3, "levels": 256, "offset": 127.5, "scale": 127.5, "hidden": (16, 8)},
    {"channels": 4, "levels": 5, "reach": 1, "hidden": (8,)},
    {"channels": 1, "levels": 17, "reach": 3, "hidden": ()},
]


def spread(net):
    """Weights as large as a trained network's, and some beyond what is allowed."""
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        for p in net.parameters():
            p.copy_(torch.randn_like(p) * 2)
    return net


def numbers(net, n=6, height=7, width=5):
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, net.shape.levels, (n, net.shape.channels, height, width)))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_what_is_trained_is_what_codes(size):
    """Tables and symbols of a training pass are those of the frozen network, number for number."""
    net = spread(IntegerPredictor(**size))
    x = numbers(net)
    coded = net((x - net.offset) / net.scale)
    predictor, plane = net.frozen(), Plane(net.shape, len(x), *x.shape[2:])
    source = x.numpy().transpose(1, 2, 3, 0)
    tables, symbols = (values.numpy().transpose(1, 2, 3, 0) for values in coded[1:])
    for channel, ys, xs, table, level in predictor._walk(plane):
        values = source[channel, ys, xs].ravel()
        plane.put(channel, ys, xs, values)
        assert np.array_equal(tables[channel, ys, xs].ravel(), table)
        assert np.array_equal(symbols[channel, ys, xs].ravel(), (values - level) % net.shape.levels)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_autocast_changes_nothing(precision):
    net = spread(IntegerPredictor(**SIZES[0]))
    x = (numbers(net) - 127.5) / 127.5
    with torch.autocast("cpu", precision, enabled=precision is torch.bfloat16):
        found = net(x)
    assert all(torch.equal(a, b) for a, b in zip(found, net(x)))


def test_a_model_s_values_are_its_data_s_numbers():
    net = IntegerPredictor(**SIZES[0])
    raw = torch.arange(256.0).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    assert torch.equal(net.numbers((raw - 127.5) / 127.5), raw)


@pytest.mark.parametrize("levels", [2, 5, 256])
def test_logistic_bits_are_those_of_a_distribution(levels):
    x = torch.arange(levels).double()
    for mean in (-3.0, 0.2, levels / 2, levels + 5.0):
        for scale in (-2.0, 0.0, 4.0):
            bits = logistic_bits(x, torch.tensor(mean).double(), torch.tensor(scale).double(), levels)
            assert torch.exp2(-bits).sum() == pytest.approx(1, abs=1e-9)
            assert bits.isfinite().all() and (bits >= 0).all()


def test_far_from_its_mean_a_number_still_has_a_gradient():
    mean = torch.tensor(0.0, requires_grad=True)
    bits = logistic_bits(torch.tensor(250.0), mean, torch.tensor(-2.0), 256)
    (gradient,) = torch.autograd.grad(bits, mean)
    assert bits.isfinite() and gradient < -1


def test_tables_begin_as_the_logistics_they_are_named_after():
    shape = Shape(1, 16)
    counts = first_counts(shape).view(shape.places, 8, 24, 16)
    group, part, width = 8, 3, 14  # level 4, and 3.5 parts of 8
    bits = logistic_bits(torch.arange(16.0), torch.tensor(4 + 3.5 / 8), log_scale(shape, torch.tensor(2.5)), 16)
    expected = torch.exp2(-bits) * 1024
    found = counts[group, part, width].roll(4)  # symbol s is level 4 + s
    assert (found - expected).abs().max() <= 0.5


def test_the_tables_learn_what_is_seen_in_whole_numbers():
    net = spread(IntegerPredictor(**SIZES[1]))
    coded = net(numbers(net).float())
    seen = net.observed(coded)
    assert seen.sum() == coded.table.numel() and (seen == seen.round()).all()
    before = net.counts.clone()
    net.observe(seen)
    assert net.counts.dtype == torch.int32
    assert torch.equal(net.counts - before, seen.view_as(before).int())
    parts = [net.observed(net(numbers(net).float()[rows])) for rows in (slice(0, 2), slice(2, 6))]
    assert torch.equal(sum(parts), seen)


def test_what_was_seen_long_ago_is_forgotten():
    net = IntegerPredictor(**SIZES[1])
    seen = torch.zeros_like(net.counts).float()
    seen[0, 1] = 30_000
    for _ in range(10):
        net.observe(seen)
        assert net.counts.sum(1).max() <= MEMORY
    assert net.counts[0, 0] == 0 or net.counts[0, 0] < 16
    assert torch.equal(net.counts[1], first_counts(net.shape)[1])


def test_symbols_get_a_gradient_as_targets_and_as_neighbours():
    net = spread(IntegerPredictor(**SIZES[1]))
    x = numbers(net).float().requires_grad_()
    (gradient,) = torch.autograd.grad(net(x).bits.sum(), x)
    assert (gradient != 0).float().mean() > 0.9


@pytest.mark.slow
def test_training_makes_the_coded_bytes_fewer():
    torch.manual_seed(0)
    net = IntegerPredictor(1, 256, 1, (8,), 127.5, 127.5)
    rng = np.random.default_rng(0)
    walk = rng.normal(0, 4, (64, 1, 8, 8)).cumsum(2).cumsum(3)
    raw = np.clip(128 + walk, 0, 255).astype(np.int64)
    x = (torch.from_numpy(raw).float() - 127.5) / 127.5
    optimiser = torch.optim.Adam(net.parameters(), 5e-3)
    before = len(net.frozen().encode(raw))
    for _ in range(60):
        coded = net(x)
        optimiser.zero_grad()
        coded.bits.mean().backward()
        optimiser.step()
        net.observe(net.observed(coded))
    predictor = net.frozen()
    data = predictor.encode(raw)
    assert np.array_equal(predictor.decode(data, raw.shape), raw)
    assert len(data) < 0.9 * before
    assert 8 * len(data) <= 1.005 * predictor.ideal_bits(raw) + 64


def test_a_frozen_network_is_the_same_after_its_file():
    net = spread(IntegerPredictor(**SIZES[0]))
    other = IntegerPredictor(**SIZES[0])
    other.load_state_dict(net.state_dict())
    assert other.frozen().fingerprint == net.frozen().fingerprint
