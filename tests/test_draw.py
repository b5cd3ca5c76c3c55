import torch

from aegean import draw


def test_a_draw_depends_on_its_place_alone():
    k = draw.key(0, "phase", "D")
    whole = draw.normal(k, torch.arange(64), (3, 5))
    parts = torch.cat([draw.normal(k, torch.arange(a, a + 16), (3, 5)) for a in (0, 16, 32, 48)])
    assert torch.equal(whole, parts)
    assert not torch.equal(whole, draw.normal(draw.key(1, "phase", "D"), torch.arange(64), (3, 5)))
    assert not torch.equal(whole, draw.normal(draw.key(0, "phase", "G"), torch.arange(64), (3, 5)))


def test_moments_and_independence():
    index = torch.arange(200_000)
    u = draw.uniform(draw.key(3, "u"), index, (2,)).double()
    z = draw.normal(draw.key(3, "z"), index, (3,)).double()
    assert (u.mean(0) - 0.5).abs().max() < 0.003 and (u.var(0) - 1 / 12).abs().max() < 0.001
    assert u.min() > 0 and u.max() < 1
    assert z.mean(0).abs().max() < 0.01 and (z.var(0) - 1).abs().max() < 0.015
    assert (z**4).mean().sub(3).abs() < 0.05  # Gaussian tails
    values = torch.cat((u - 0.5, z), 1)
    correlation = torch.corrcoef(values.T) - torch.eye(5)
    assert correlation.abs().max() < 0.01
    assert torch.corrcoef(torch.stack((z[:-1, 0], z[1:, 0])))[0, 1].abs() < 0.01  # neighbours in the index
    counts = torch.histc(u[:, 0].float(), bins=100, min=0, max=1)
    chi_square = ((counts - 2000) ** 2 / 2000).sum()
    assert 50 < chi_square < 160  # 99 degrees of freedom


def test_shapes():
    index = torch.arange(4)
    assert draw.uniform(1, index, (0,)).shape == (4, 0)
    assert draw.normal(1, index, (1,)).shape == (4, 1)
    assert draw.normal(1, index, (1, 3, 3)).shape == (4, 1, 3, 3)
