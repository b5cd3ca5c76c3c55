"""The decoder of mixed columns: what its states stand for, its likelihood, its draws."""

import numpy as np
import pytest
import torch

from aegean.data.coder import Coder
from aegean.data.column import trained, width
from aegean.data.read.cells import Reading
from aegean.data.read.describe import describe
from aegean.nets.columns import ColumnsDecoder

RANDOM = np.random.default_rng(0)
CELLS = [
    [str(n % 5), f"{x:.3f}" if n % 4 else "", ("red", "green", "?")[n % 3]]
    for n, x in enumerate(RANDOM.normal(size=400).tolist())
]


@pytest.fixture
def table():
    return describe(["whole", "number", "colour"], CELLS)


@pytest.fixture
def G(table):
    states = [column.states for column in trained(table)]
    return ColumnsDecoder([width(table)], 3, [16], states)


@pytest.fixture
def x(table):
    return Coder(table)(torch.from_numpy(next(Reading("t", table, ["whole", "number", "colour"]).blocks(CELLS))))


def certain(G, x):
    """Logits that are sure of the rows."""
    state = G.gather.expand(len(x), -1, -1).gather(2, G.states(x)[:, :, None])[:, :, 0]
    return torch.zeros(len(x), len(G.flat)).scatter(1, state, 50.0)


def test_the_state_of_a_row_stands_for_it(G, x, table):
    raw = certain(G, x)
    assert G.bits(raw, x).max() < 1e-3
    noise = torch.rand(len(x), 2 * G.columns)
    for made in (G.mean(raw), G.draw(raw, noise)):
        restored, given = (Coder(table).restore(value) for value in (made, x))
        np.testing.assert_array_equal(restored[:, [0, 2]], given[:, [0, 2]])
        np.testing.assert_array_equal(np.isnan(restored[:, 1]), np.isnan(given[:, 1]))
        assert np.nanmedian(abs(restored[:, 1] - given[:, 1])) < 0.05  # within a bin, of which the last are wide


def test_draws_follow_the_logits(G):
    raw = torch.randn(1, len(G.flat)).repeat(20_000, 1)
    drawn = G.draw(raw, torch.rand(20_000, 2 * G.columns))
    assert torch.allclose(drawn.mean(0), G.mean(raw[:1])[0], atol=0.06)


def test_gradients_of_draws_are_those_of_the_mean(G):
    raw = torch.randn(8, len(G.flat), requires_grad=True)
    target = torch.randn(8, *G.row)
    ours, theirs = (
        torch.autograd.grad((made * target).sum(), raw)[0]
        for made in (G.draw(raw, torch.rand(8, 2 * G.columns)), G.mean(raw))
    )
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_what_was_never_seen_is_never_drawn(G):
    raw = torch.zeros(5_000, len(G.flat))
    raw[:, [5, -1]] = 20.0  # a missing whole number, a rare colour
    drawn = G.draw(raw, torch.rand(5_000, 2 * G.columns))
    assert not drawn[:, 1].any() and not drawn[:, -1].any()
