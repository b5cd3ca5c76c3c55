import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aegean.codec import CodecError, Decoder, Encoder, Tables, frequencies

COUNTS = st.tuples(st.integers(1, 6), st.integers(2, 300)).flatmap(
    lambda size: arrays(np.int64, size, elements=st.integers(0, 1 << 29))
)


@settings(max_examples=40, deadline=None)
@given(COUNTS)
def test_frequencies_are_whole_positive_and_sum_to_the_coder_s_precision(counts):
    counts[:, 0] += 1
    found = frequencies(counts)
    assert found.dtype == np.int64 and (found >= 1).all() and (found.sum(1) == 1 << 24).all()
    share = counts / counts.sum(1, keepdims=True)
    off = np.abs(found / (1 << 24) - share)
    assert off.max() <= 2 * counts.shape[1] / (1 << 24)


def message(seed, tables=5, symbols=40, count=3000):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 1 << 10, (tables, symbols)) ** 3 * rng.integers(0, 2, (tables, symbols)) + 1
    made = Tables(counts)
    which = rng.integers(tables, size=count)
    found = np.array([rng.choice(symbols, p=made.frequencies[t] / (1 << 24)) for t in which])
    return made, which, found


def encoded(tables, which, symbols, step):
    encoder = Encoder(tables)
    for start in range(0, len(which), step):
        encoder.put(symbols[start : start + step], which[start : start + step])
    return encoder.finish()


@pytest.mark.parametrize("step", [1, 7, 3000])
def test_what_was_encoded_is_decoded_and_costs_its_information(step):
    tables, which, symbols = message(step)
    data = encoded(tables, which, symbols, step)
    decoder = Decoder(tables, data)
    found = [decoder.take(which[start : start + step]) for start in range(0, len(which), step)]
    decoder.end()
    assert np.array_equal(np.concatenate(found), symbols)
    ideal = tables.bits(symbols, which)
    assert ideal <= 8 * len(data) <= 1.005 * ideal + 64


def test_the_stream_is_a_function_of_whole_numbers_alone(textbook):
    tables, which, symbols = message(1)
    data = encoded(tables, which, symbols, 1)
    assert textbook(data, [tables.frequencies[t] for t in which]) == symbols.tolist()


def test_streams_that_no_encoder_wrote_are_refused():
    tables, which, symbols = message(2)
    data = encoded(tables, which, symbols, 3000)
    with pytest.raises(CodecError, match="whole words"):
        Decoder(tables, data[:-1])
    longer = Decoder(tables, data + bytes(8))
    longer.take(which)
    with pytest.raises(CodecError, match="more than its tiles"):
        longer.end()


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=64))
def test_any_words_give_symbols_of_the_alphabet_or_are_refused(data):
    tables, which, _ = message(3, count=50)
    try:
        found = Decoder(tables, data).take(which)
    except CodecError:
        return
    assert ((found >= 0) & (found < tables.frequencies.shape[1])).all()
