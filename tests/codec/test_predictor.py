import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import SHAPES, arithmetic, grids

from aegean.codec import CodecError
from aegean.codec.plane import Plane, fronts
from aegean.codec.predictor import Layer, Predictor
from aegean.codec.shape import EXACT, INPUT_MOST, Shape


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("n,height,width", [(1, 1, 1), (3, 8, 8), (2, 1, 9), (2, 9, 1), (5, 6, 11)])
def test_grids_come_back_exactly_at_their_ideal_length(shape, n, height, width):
    predictor, x = arithmetic(shape), grids(shape, n, height, width)
    data = predictor.encode(x)
    assert np.array_equal(predictor.decode(data, x.shape), x)
    assert 8 * len(data) <= 1.005 * predictor.ideal_bits(x) + 64


def tables_of(predictor, x):
    """Table and level of every number, in the order of coding: (steps, n) each."""
    plane = Plane(predictor.shape, len(x), *x.shape[2:])
    found = []
    for channel, ys, xs, table, level in predictor._walk(plane):
        plane.put(channel, ys, xs, x.transpose(1, 2, 3, 0)[channel, ys, xs].ravel())
        found.append(np.stack([table, level]).reshape(2, len(ys), len(x)))
    return np.concatenate(found, 1)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(0, 1000))
def test_a_table_does_not_depend_on_how_many_grids_are_coded_together(together, seed):
    shape = SHAPES[seed % 2]
    predictor, x = arithmetic(shape, share=1.0), grids(shape, 41, 5, 6, seed)
    alone, beside = tables_of(predictor, x[:1]), tables_of(predictor, x[: together + 1])
    assert np.array_equal(alone[..., 0], beside[..., 0])


def test_a_number_s_table_depends_only_on_what_comes_before_it():
    shape = Shape(2, 16, 2, (8,))
    predictor, x = arithmetic(shape, share=0.3), grids(shape, 1, 6, 7)
    order = [(c, y, x_) for ys, xs in fronts(6, 7, 2) for c in range(2) for y, x_ in zip(ys, xs)]
    before = tables_of(predictor, x)
    for place in range(0, len(order), 5):
        changed = x.copy()
        for c, y, x_ in order[place:]:
            changed[0, c, y, x_] = (changed[0, c, y, x_] + 7) % 16
        # a whole front of one channel is predicted at once, so all up to this number's own keep their tables
        assert np.array_equal(tables_of(predictor, changed)[:, : place + 1], before[:, : place + 1])


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 3))
def test_fronts_hold_every_place_once_and_neighbours_come_earlier(height, width, reach):
    found, shape = {}, Shape(1, 4, reach, (2,))
    for number, (ys, xs) in enumerate(fronts(height, width, reach)):
        for place in zip(ys.tolist(), xs.tolist()):
            assert place not in found
            found[place] = number
    assert len(found) == height * width
    for (y, x), number in found.items():
        for down, right in shape.neighbours:
            assert found.get((y + down, x + right), -1) < number


@pytest.mark.parametrize("shape", [*SHAPES, Shape(16, 8, 2, (64,)), Shape(3, 256, 3, (96, 64))], ids=str)
def test_no_sum_can_reach_two_to_the_24(shape):
    for channel in range(shape.channels):
        for number, plan in enumerate(shape.layers(channel)):
            most = INPUT_MOST if number == 0 else 1023
            assert plan.inputs * most * plan.most + (1 << 20) < EXACT
    assert (shape.levels - 1) << shape.gain_bits <= INPUT_MOST  # the largest difference


def test_float32_products_are_exact_at_the_largest_weights():
    """Whatever the order of summation: the same as in whole numbers of 64 bits."""
    shape = Shape(3, 256, 2, (32, 32))
    rng = np.random.default_rng(0)
    for plan, most in zip(shape.layers(2), (INPUT_MOST, 1023, 1023)):
        weight = rng.choice([-plan.most, plan.most, plan.most - 1], (plan.outputs, plan.inputs))
        x = np.sign(weight[:1].T) * rng.integers(most // 2, most + 1, (plan.inputs, 100))
        x[:, 0] = np.sign(weight[0]) * most  # the largest sum there is
        expected = weight @ x
        assert np.array_equal(weight.astype(np.float32) @ x.astype(np.float32), expected)
        for _ in range(3):
            order = rng.permutation(plan.inputs)
            found = np.zeros((plan.outputs, 100), np.float32)
            for i in order:
                found += weight[:, i : i + 1].astype(np.float32) * x[i].astype(np.float32)
            assert np.array_equal(found, expected)


def test_numbers_that_are_too_large_or_not_whole_are_no_predictor():
    good = arithmetic()
    layer = good.layers[0][0]
    for change in (layer.weight * 0 + 1e6, layer.weight + 0.5, layer.weight.astype(np.float64)):
        layers = [[Layer(change, layer.bias), *good.layers[0][1:]], *good.layers[1:]]
        with pytest.raises(AssertionError):
            Predictor(good.shape, layers, good.tables.frequencies)


def test_the_fingerprint_names_network_and_tables():
    good = arithmetic()
    assert good.fingerprint == arithmetic().fingerprint
    assert good.fingerprint != arithmetic(seed=1).fingerprint
    counts = good.tables.frequencies.copy()
    counts[0, 0] += 100
    assert Predictor(good.shape, good.layers, counts).fingerprint != good.fingerprint


CODES = """
import hashlib
import numpy as np
from made import SHAPES, arithmetic, grids
predictor, x = arithmetic(SHAPES[1], share=0.5), grids(SHAPES[1], 300, 8, 8)
data = predictor.encode(x)
assert np.array_equal(predictor.decode(data, x.shape), x)
print(hashlib.sha256(data).hexdigest())
"""


def test_threads_and_processes_agree_bit_for_bit():
    found = set()
    for threads in "1", "3":
        env = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        env["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *sys.path])
        done = subprocess.run([sys.executable, "-c", CODES], capture_output=True, text=True, env=env, timeout=100)
        assert done.returncode == 0, done.stderr
        found.add(done.stdout)
    assert len(found) == 1


def test_a_damaged_stream_gives_other_grids_or_is_refused_but_nothing_else():
    shape = Shape(2, 16, 2, (8,))
    predictor, x = arithmetic(shape), grids(shape, 4, 6, 6)
    data, rng = bytearray(predictor.encode(x)), np.random.default_rng(0)
    for _ in range(50):
        damaged = data.copy()
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            found = predictor.decode(bytes(damaged), x.shape)
        except CodecError:
            continue
        assert found.min() >= 0 and found.max() < 16
