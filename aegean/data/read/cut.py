"""Images of any size, cut into squares of one size instead of scaled: samples for whoever looks at details."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from aegean.config import UserError
from aegean.data.read.decode import Form, decode, unreadable
from aegean.data.read.formats import reason_of
from aegean.data.read.source import Part, Store
from aegean.surface import option, plural, say


def cut_part(
    store: Store,
    places: np.ndarray,
    sizes: Sequence[tuple[int, int]],
    wanted: Form,
    labels: np.ndarray | None,
    origin: str,
) -> Part:
    """Squares of `wanted.size`, as many as lie in each image without touching, spread evenly.

    store, places: where the images lie; (n, k) int64.
    sizes: of each, (height, width).
    labels: (n,), taken by each square.
    origin: what to call all. UserError: no image is as large as a square.
    """
    side = wanted.size[0]
    counts = np.array([(height // side) * (width // side) for height, width in sizes])
    if small := int((counts == 0).sum()):
        say(f"{origin}: {plural(small, 'image')} smaller than {side}x{side} left out")
    if not counts.any():
        raise UserError(f"{origin}: no image is as large as {option('cut', side)}; give a smaller number.")

    def blocks() -> Iterator[np.ndarray]:
        for place, size in zip(places[counts > 0], np.array(sizes)[counts > 0]):
            try:
                whole = decode(store.read(place), wanted._replace(size=(int(size[0]), int(size[1]))))
            except UserError:
                raise
            except Exception as error:  # Pillow's readers raise many kinds for damaged files
                raise UserError(unreadable(store.name(place), reason_of(error))) from None
            yield np.stack(list(squares(whole, side)))

    return Part(int(counts.sum()), blocks, None if labels is None else np.repeat(labels, counts))


def squares(x: np.ndarray, side: int) -> Iterator[np.ndarray]:
    """An image (C, H, W) -> squares (C, side, side)."""
    rows, columns = (np.linspace(0, size - side, size // side).astype(int) for size in x.shape[1:])
    for top in rows:
        for left in columns:
            yield x[:, top : top + side, left : left + side]
