"""Where pictures of two sides lie, and how those of one come to lie as those of the other."""

import torch

from aegean.nets.placing import Placing, frame


def bars(count, least, most, size=32):
    """White boxes on black, from `least` to `most` pixels high, half as wide, at random places."""
    g = torch.Generator().manual_seed(0)
    x = -torch.ones(count, 1, size, size)
    for picture in x:
        height = int(torch.randint(least, most + 1, (), generator=g))
        top, left = (int(torch.randint(2, size - side - 2, (), generator=g)) for side in (height, height // 2))
        picture[0, top : top + height, left : left + height // 2] = 1
    return x


def test_pictures_come_to_lie_as_those_of_the_other_side_and_go_back():
    small, large = bars(60, 6, 10), bars(60, 14, 20)
    placing = Placing()
    placing.fit(small, large)
    placement = placing(small)
    moved = placement(small)
    wanted, found = frame(large), frame(moved)
    assert (found.mean(0) - wanted.mean(0)).abs().max() < 0.15  # what is enlarged is blurred
    assert (placement.back()(moved) - small).abs().mean() < 0.05
    assert frame(placing(large, back=True)(large))[:, 2:].mean() < wanted[:, 2:].mean() - 0.4


def test_photographs_and_unfitted_pictures_stay():
    photographs, boxes = 2 * torch.rand(40, 3, 16, 16) - 1, bars(40, 5, 8, 16)
    placing = Placing()
    for fitted in (False, True):
        if fitted:
            placing.fit(photographs, boxes.expand(-1, 3, -1, -1))
        assert not placing.moves
        torch.testing.assert_close(placing(photographs)(photographs), photographs, atol=1e-5, rtol=0)


def test_blank_pictures_are_no_trouble():
    blank, boxes = torch.zeros(10, 1, 16, 16), bars(10, 5, 8, 16)
    placing = Placing()
    placing.fit(blank, boxes)
    assert torch.equal(placing(blank)(blank), blank) and torch.isfinite(placing(boxes, back=True)(boxes)).all()
