"""Networks of texts: what is written token by token is what the parallel network says, and nothing sees the future."""

import pytest
import torch

from aegean.config import net
from aegean.testing import away_from_zero, check_network

SIZES = {"shape": (12,), "tokens": 20, "widths": (8, 16)}


def made(**more):
    torch.manual_seed(0)
    G = net("TextDecoder", **SIZES, latent=5, **more).build().eval()
    away_from_zero(G)
    return G


def test_the_networks_keep_their_contract():
    x = torch.randint(0, 20, (4, 12)).float()
    levels = check_network(net("TextEncoder", **SIZES), x)(x)
    assert [tuple(level.shape[1:]) for level in levels] == [(8, 12), (16, 6)]
    check_network(net("TextDecoder", **SIZES, latent=5), torch.randn(4, 5), None, x)
    check_network(net("Blanks", share=0.5, blank=20), x, torch.rand(4, 12))


def test_no_place_sees_itself_or_what_follows():
    G, z = made(), torch.randn(1, 5)
    x = torch.randint(1, 20, (1, 12)).float()
    other = x.clone()
    other[0, 6:] = torch.randint(1, 20, (6,)).float()
    a, b = G(z, None, x), G(z, None, other)
    assert torch.equal(a[:, :7], b[:, :7]) and not torch.equal(a[:, 7], b[:, 7])


@pytest.mark.parametrize("classes", [0, 3])
def test_writing_with_a_cache_is_what_the_parallel_network_finds_likeliest(classes):
    G, z = made(classes=classes), torch.randn(6, 5)
    labels = torch.arange(6) % 3 if classes else None
    x = G.write(z, labels)
    likeliest = G(z, labels, x).argmax(2).float()
    for row, best in zip(x, likeliest):
        end = int((row > 0).float().cumprod(0).sum())
        assert torch.equal(row[:end], best[:end]) and not row[end:].any()
        assert end == 12 or best[end] == 0


def test_draws_follow_the_softmax():
    G, z = made(), torch.randn(1, 5).repeat(4000, 1)
    drawn = G.write(z, None, torch.rand(4000, 12), 1.0)[:, 0].long().bincount(minlength=20) / 4000
    expected = G(z[:1], None, torch.zeros(1, 12))[0, 0].softmax(0)
    assert (drawn - expected).abs().max() < 0.05


def test_blanks_take_a_share_and_leave_ends():
    x = torch.cat((torch.ones(1, 5000), torch.zeros(1, 5000)), 1)
    seen = net("Blanks", share=0.3, blank=9).build()(x, torch.rand(1, 10_000))
    assert not seen[0, 5000:].any() and abs(float((seen == 9).float().mean()) - 0.15) < 0.02
