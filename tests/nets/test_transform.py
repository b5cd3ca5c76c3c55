"""Transforms of compression: they begin as the cosine transform, and take any size of picture."""

import pytest
import scipy.fft
import torch
import torch.nn.functional as F

from aegean.nets import Analysis, Synthesis
from aegean.nets.transform import cosines


@pytest.mark.parametrize(("channels", "patch"), [(1, 2), (3, 4), (4, 4), (3, 8)])
def test_cosines_are_orthonormal_and_scipy_s(channels, patch):
    basis = cosines(channels, patch)
    assert torch.allclose(basis @ basis.T, torch.eye(len(basis)), atol=1e-5)
    x = torch.randn(2, channels, patch, patch)
    ours = F.pixel_unshuffle(x, patch).flatten(1) @ basis.T
    theirs = scipy.fft.dctn(x.numpy(), axes=(1, 2, 3), norm="ortho").reshape(2, -1)
    assert torch.allclose(ours.sort(1).values, torch.from_numpy(theirs).sort(1).values, atol=1e-4)


def test_means_of_blocks_come_first_and_brightness_before_colours():
    grey, *colours = (F.pixel_unshuffle(torch.ones(1, 3, 4, 4) * c[:, None, None], 4).flatten(1) @ cosines(3, 4).T
                      for c in torch.tensor([[1.0, 1, 1], [1, 0, -1], [1, -2, 1]]))  # fmt: skip
    assert [int(one.abs().argmax()) for one in (grey, *colours)] == [0, 1, 2]
    assert all(int((one.abs() > 1e-5).sum()) == 1 for one in (grey, *colours))


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (1, 5, 7), (4, 33, 17)], ids=str)
def test_at_first_a_picture_comes_back(shape):
    torch.manual_seed(0)
    sizes = {"shape": shape, "depth": shape[0] * 4, "patch": 2, "width": 8, "gain": 0.3}
    E, G = Analysis(**sizes), Synthesis(**sizes)
    x = torch.rand(3, *shape) * 2 - 1
    (level,) = E(x)
    assert level.shape[1:] == E.levels[-1] == G.grid
    assert torch.allclose(G(level.flatten(1)), x, atol=1e-5)
    assert torch.allclose(level.square().sum(), 0.09 * x.square().sum(), rtol=0.5)


def test_the_branch_learns_from_the_first_step():
    sizes = {"shape": (1, 8, 8), "depth": 4, "patch": 2, "width": 8}
    E, G = Analysis(**sizes), Synthesis(**sizes)
    x = torch.rand(3, 1, 8, 8)
    (G(E(x)[0].flatten(1)) - 0.5 * x).square().sum().backward()
    for net in (E, G):
        assert net.branch[-1].weight.grad.abs().sum() > 0
