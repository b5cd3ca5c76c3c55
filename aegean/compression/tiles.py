"""Pictures of any size as tiles of one size, and back; never more of them at once than a band."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from aegean.codec.pictures import Header, Picture


def cut(picture: np.ndarray, tile: tuple[int, int, int]) -> Iterator[np.ndarray]:
    """A picture (channels, H, W) -> its tiles (k, *tile), a row of them at a time; the last ones are padded with the
    picture's own edge. A grey picture in a model for colours is laid into all of its channels."""
    channels, height, width = tile
    if len(picture) < channels:
        picture = np.broadcast_to(picture, (channels, *picture.shape[1:]))
    across = -(-picture.shape[2] // width)
    for top in range(0, picture.shape[1], height):
        band = picture[:, top : top + height]
        missing = height - band.shape[1], across * width - band.shape[2]
        if any(missing):
            band = np.pad(band, ((0, 0), (0, missing[0]), (0, missing[1])), mode="edge")
        yield np.ascontiguousarray(band.reshape(channels, height, across, width).transpose(2, 0, 1, 3))


class Assembly:
    """Pictures that grow from tiles, in the order in which `cut` gave them."""

    def __init__(self, header: Header, dtype: np.dtype):
        self.header, self.dtype = header, dtype
        self.waiting = iter(header.pictures)
        self.place = 0  # of the next tile in the present picture
        self.picture: Picture | None = None

    def add(self, tiles: np.ndarray) -> Iterator[tuple[Picture, np.ndarray]]:
        """Tiles (k, *tile) -> the pictures (channels, H, W) that they complete."""
        _, height, width = self.header.tile
        while len(tiles):
            if self.picture is None:
                self.picture, self.place = next(self.waiting), 0
                self.down, self.across = self.header.tiles(self.picture)
                shape = self.picture.channels, self.down * height, self.across * width
                self.values = np.empty(shape, self.dtype)
            count = min(len(tiles), self.down * self.across - self.place)
            for number, tile in enumerate(tiles[:count], self.place):
                y, x = number // self.across * height, number % self.across * width
                self.values[:, y : y + height, x : x + width] = tile[: self.picture.channels]
            tiles, self.place = tiles[count:], self.place + count
            if self.place == self.down * self.across:
                done, self.picture = self.picture, None
                yield done, self.values[:, : done.height, : done.width]
