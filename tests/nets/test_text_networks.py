"""Networks of texts: what is written token by token is what the parallel network says, and nothing sees the future."""

import math

import pytest
import torch

from aegean.config import net
from aegean.data.read import vocabulary
from aegean.nets import text
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


def test_a_decoder_is_told_of_each_text_another_share():
    x = torch.cat((torch.ones(400, 50), torch.zeros(400, 50)), 1)
    told = net("Blanks", share=0.0, blank=9).build().before(x, torch.rand(400, 101))
    shares = (told[:, :50] == 9).float().mean(1)
    assert not told[:, 50:].any() and abs(float(shares.mean()) - 0.5) < 0.05 and 0.2 < float(shares.std()) < 0.4


def test_bits_are_those_of_the_logits_however_they_are_computed(monkeypatch):
    G, z = made(), torch.randn(3, 5)
    x = torch.randint(1, 20, (3, 12)).float() * (torch.arange(12) < torch.tensor([[3], [12], [0]]))
    found = G.bits(z, None, x, x)
    monkeypatch.setattr(text, "get_proxy_mode", object)  # as where a step is recorded
    torch.testing.assert_close(found, G.bits(z, None, x, x))
    logits = G(z, None, x).detach().log_softmax(2) / -math.log(2)
    assert found[0, :4].tolist() == pytest.approx([float(logits[0, n, int(x[0, n])]) for n in range(4)], rel=1e-4)
    assert not found[0, 4:].any() and (found > 0).sum(1).tolist() == [4, 12, 1]


def test_a_word_begins_as_what_it_is_written_as():
    E, G = (net(name, **SIZES, **more).build() for name, more in (("TextEncoder", {}), ("TextDecoder", {"latent": 5})))
    assert torch.equal(E.embed.weight, G.embed.weight)
    torch.testing.assert_close(
        E.embed.weight[:20] / E.embed.weight.std(), G.last.weight / G.last.weight.std(), atol=0.1, rtol=0
    )


def test_texts_are_told_with_other_tokens_and_end_where_they_did():
    assert text.FIRST == vocabulary.FIRST
    tokens, many = 1_000, 4_000
    x = torch.zeros(many, 12)
    x[:, :8] = 300
    said = net("Blanks", share=0.0, blank=tokens, exchanged=0.5).build().others(x, torch.rand(many, 26))
    assert (said[:, 8:] == 0).all() and (said[:, :8] > 256).all() and said.max() < tokens
    other = (said[:, :8] != 300).float().mean(1)
    assert abs((other > 0).float().mean() - 0.45) < 0.03  # of half of the texts, some are told with a share near none
    assert abs(other[other > 0].mean() - 0.55) < 0.05
    ranks = said[:, :8][said[:, :8] != 300] - 257
    assert abs((ranks < 26).float().mean() - 0.5) < 0.05  # the square root of 743 ranks: half of the logarithms
    few = net("Blanks", share=0.0, blank=200, exchanged=1.0).build().others(x.clamp(max=150), torch.rand(many, 26))
    assert set(few[:, :8].flatten().long().tolist()) > {1, 2, 3, 190}
