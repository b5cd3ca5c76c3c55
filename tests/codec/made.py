"""A predictor made by arithmetic, the same for ever, and grids for it to code."""

import numpy as np

from aegean.codec.predictor import Layer, Predictor
from aegean.codec.shape import Shape

SHAPES = [
    Shape(2, 16, 2, (8,)),
    Shape(3, 256, 2, (8, 8)),
    Shape(1, 2, 1, (4,)),
    Shape(4, 5, 1, (6,)),
    Shape(1, 17, 3, (4,)),
]


def scrambled(count, seed):
    """`count` whole numbers from 0 to 2^32 - 1, by SplitMix64 (Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        h = (np.arange(count, dtype=np.uint64) + np.uint64(seed * 1_000_003 + 1)) * np.uint64(0x9E3779B97F4A7C15)
        h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return ((h ^ (h >> np.uint64(31))) >> np.uint64(32)).astype(np.int64)


def arithmetic(shape=SHAPES[0], seed=0, share=0.02):
    """A Predictor whose weights are up to `share` of what is allowed."""
    layers = []
    for channel in range(shape.channels):
        mine = []
        for number, plan in enumerate(shape.layers(channel)):
            place = 100 * seed + 10 * channel + number
            weight = whole(plan.outputs * plan.inputs, max(1, int(plan.most * share)), 2 * place)
            mine.append(Layer(weight.reshape(plan.outputs, -1), whole(plan.outputs, 4000, 2 * place + 1)[:, None]))
        layers.append(mine)
    counts = scrambled(shape.tables * shape.levels, seed).reshape(shape.tables, -1) % 1000 + 1
    return Predictor(shape, layers, counts)


def whole(count, most, seed):
    """(count,) float32: whole numbers from -most to most."""
    return (scrambled(count, seed) % (2 * most + 1) - most).astype(np.float32)


def grids(shape, n, height, width, seed=0):
    """(n, channels, height, width): a slope with some noise."""
    slope = np.add.outer(np.arange(height), np.arange(width)) * shape.levels // (height + width)
    noise = scrambled(n * shape.channels * height * width, 7 + seed) % max(2, shape.levels // 8)
    return (slope + noise.reshape(n, shape.channels, height, width)) % shape.levels
