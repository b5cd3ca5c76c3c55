"""Repairs without training."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import median_filter as theirs

from aegean.formulas.classical import filled, median_filter


def test_the_median_is_scipys():
    x = torch.rand(2, 3, 9, 7)
    wanted = theirs(x.numpy(), (1, 1, 3, 3), mode="nearest")
    assert np.array_equal(median_filter(x).numpy(), wanted)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**31))
def test_holes_are_filled_within_the_range_of_what_is_known_and_nothing_else_changes(height, width, seed):
    draw = torch.Generator().manual_seed(seed)
    x = torch.rand(2, 2, height, width, generator=draw)
    holes = torch.rand(2, 1, height, width, generator=draw) < 0.5
    made = filled(x, holes)
    assert torch.equal(torch.where(holes, x, made), x) and bool(made.isfinite().all())
    for one, hole, out in zip(x, holes, made):
        if not hole.all():
            seen = one[(~hole).expand_as(one)]
            assert seen.min() - 1e-4 <= out.min() and out.max() <= seen.max() + 1e-4


def test_a_plane_is_filled_as_a_plane():
    x = torch.full((1, 1, 32, 32), 0.3)
    holes = torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    holes[..., 4:28, 4:28] = True
    torch.testing.assert_close(filled(x.masked_fill(holes, 9.0), holes), x)
