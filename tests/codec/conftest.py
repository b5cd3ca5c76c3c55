"""The range decoder of the textbook, in whole numbers."""

import bisect

import numpy as np
import pytest


@pytest.fixture(scope="session")
def textbook():
    """textbook(data, frequencies of each symbol's table) -> the symbols: range decoding (Martin 1979) with a state of
    64 bits and words of 32, as constriction states it, in Python's whole numbers."""

    def decode(data, tables):
        words = np.frombuffer(data, "<u4").tolist()
        following = iter([*words, *[0] * (len(tables) + 4)])
        low, width, point = 0, 2**64 - 1, next(following) << 32 | next(following)
        found = []
        for table in tables:
            sums = [0, *np.cumsum(table).tolist()]
            share = width >> 24
            symbol = bisect.bisect_right(sums, (point - low) % 2**64 // share) - 1
            found.append(symbol)
            low, width = (low + share * sums[symbol]) % 2**64, share * int(table[symbol])
            if width < 2**32:
                low, width, point = low << 32 & 2**64 - 1, width << 32, point << 32 & 2**64 - 1 | next(following)
        return found

    return decode
