"""Sounds in .aeg files: any length, rate and channels, in chunks that change nothing, and what is refused."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly
from untrained import untrained

from aegean.codec import CodecError, unpack
from aegean.codec.sounds import Sound, SoundHeader, gain_of
from aegean.compression import sounds
from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.data.io.recordings import chunks, resampled
from aegean.data.read.hearing import Recording
from aegean.model import Model
from aegean.recipes import configure

INFO = DataInfo("hums", (1, 160), (0.0,), (1.0,), dtype="float32", kind="audio", rate=500)
TINY = {"width": 6, "blocks": 1}
HOP = 8


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return untrained(configure("sound_codec", INFO, {**TINY, "plain": 1}), INFO)


def hum(length, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    time = np.arange(length) / INFO.rate
    waves = [0.3 * np.sin(2 * np.pi * (20 + 9 * c) * time) + 0.02 * rng.normal(size=length) for c in range(channels)]
    return torch.tensor(np.array(waves), dtype=torch.float32)


def recording(x, rate):
    return Recording(rate, *x.shape, lambda: iter(np.split(x.numpy(), range(37, x.shape[1], 37), 1)))


def back(model, data):
    header, blocks = unpack(data)
    found = sounds.decoded(model.coder("sound"), header, blocks)
    return [np.concatenate(list(pieces), 1) for _, pieces in found]


@given(st.lists(st.tuples(st.integers(1, 700), st.integers(1, 3)), min_size=1, max_size=4))
@settings(max_examples=12, deadline=None)
def test_sounds_come_back_in_their_own_length_and_channels(model, forms):
    x = [hum(length, channels, seed) for seed, (length, channels) in enumerate(forms)]
    found = model.decompress(model.compress(x))
    assert [tuple(y.shape) for y in found] == [tuple(one.shape) for one in x]


def test_chunks_change_nothing(model, monkeypatch):
    x = hum(1500, 2)
    coder = model.coder("sound")
    gains = [gain_of(code) for code in unpack(model.compress([x]))[0].sounds[0].gains]
    even = x * torch.tensor(gains, dtype=torch.float32)[:, None]
    whole = model.nets["bottleneck"](model.nets["E"](even[:, None])[-1]).symbols
    expected = model.nets["G"].mean(model.nets["G"](model.nets["bottleneck"].to_codes(whole)))[:, 0, :1500]
    for span in (16, 23, 1024):
        monkeypatch.setattr(sounds, "SPAN", span)
        places = [coder.symbols(*chunk) for chunk in chunks([even.numpy()], span * HOP, coder.reach * HOP)]
        assert np.array_equal(np.concatenate(places, 2), whole.flatten(1, 2).byte().numpy())
        (found,) = back(model, model.compress([x]))
        np.testing.assert_allclose(found, expected.numpy() / np.array(gains)[:, None], atol=1e-5)


def test_silence_stays_silence_and_costs_nothing(model):
    x = torch.cat((hum(400), torch.zeros(1, 400)))
    found = model.decompress(model.compress([x]))[0]
    assert found[0].abs().max() > 0 and torch.equal(found[1], torch.zeros(400))
    data = model.compress(torch.zeros(2, 1, 300))
    assert unpack(data)[1] == [] and torch.equal(model.decompress(data), torch.zeros(2, 1, 300))


def test_loudness_comes_back(model):
    x = hum(600)
    loud, soft = (model.decompress(model.compress([gain * x]))[0] for gain in (1.0, 0.01))
    assert (loud.square().mean() / soft.square().mean()).sqrt() == pytest.approx(100, rel=0.2)


def test_a_sound_of_another_rate_is_brought_to_the_models_and_back(model):
    coder, x = model.coder("sound"), hum(1001)
    for rate in (250, 500, 735, 1000):
        (found,) = back(model, sounds.compress(coder, [("", recording(x, rate))]))
        assert found.shape == x.shape


@pytest.mark.parametrize(
    "rate,new", [(8000, 16000), (16000, 8000), (11025, 8000), (8000, 11025), (3, 2), (44100, 48000)]
)
def test_a_sound_resampled_in_pieces_is_the_one_resampled_at_once(rate, new, monkeypatch):
    x = np.random.default_rng(0).normal(size=(2, 200_001)).astype(np.float32)
    found = np.concatenate(list(resampled(np.split(x, range(777, 200_001, 777), 1), rate, new)), 1)
    expected = resample_poly(x, new, rate, axis=1)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-5)


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 7), st.integers(0, 5))
def test_chunks_hold_every_value_once_with_what_is_around_it(lengths, size, around):
    whole = np.arange(sum(lengths))
    pieces, start = np.split(whole, np.cumsum(lengths)[:-1]) if lengths else [], 0
    for chunk, before, count in chunks(pieces, size, around):
        assert before == min(start, around) and 0 < count <= size
        assert np.array_equal(chunk, whole[start - before : start + count + around])
        start += count
    assert start == len(whole)


def test_any_batch_and_any_number_of_threads_give_the_same_symbols(model):
    data = model.compress([hum(900, 2), hum(50)])
    header, blocks = unpack(data)
    rows = [model.coder("sound").decode(block, header.count) for block in blocks]
    with_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    assert all(np.array_equal(a, model.coder("sound").decode(b, header.count)) for a, b in zip(rows, blocks))
    torch.set_num_threads(with_threads)
    assert model.coder("sound").encode(rows[0]) == blocks[0]


def test_a_saved_model_reads_what_it_wrote_and_another_is_refused(model, tmp_path):
    data = model.compress([hum(300)])
    model.save(tmp_path / "m.safetensors")
    again = Model.load(tmp_path / "m.safetensors")
    assert again.compress([hum(300)]) == data and torch.equal(again.decompress(data), model.decompress(data))
    again.nets["G"].vocoder.magnitude.bias[0] += 1
    with pytest.raises(CodecError, match="another model"):
        again.decompress(data)


def test_a_model_of_images_refuses_sounds_and_the_other_way_round(model, models, pictures):
    with pytest.raises(CodecError, match="it holds sounds, and this model is for images"):
        models["codec"].decompress(model.compress([hum(300)]))
    with pytest.raises(CodecError, match="it holds images, and this model is for sounds"):
        model.decompress(models["codec"].compress(pictures))


@pytest.mark.parametrize("x", [torch.full((1, 9), torch.nan), torch.zeros(1, 2, 9), torch.zeros(1, 0)])
def test_what_is_no_sound_is_refused(model, x):
    with pytest.raises(UserError, match="expected finite values"):
        model.compress([x])


def test_damage_that_a_file_cannot_tell_before_it_is_read_is_named(model):
    def pieces():
        yield np.zeros((1, 5), np.float32)
        raise ValueError("NaN at 0.010 s, channel 1")

    with pytest.raises(UserError, match=r"deep/one.*NaN at 0\.010 s"):
        sounds.compress(model.coder("sound"), [("deep/one", Recording(500, 1, 9, pieces))])


NAMES = st.one_of(st.just(""), st.from_regex(r"\A[\w-]{1,9}(/[\w-]{1,9})?\Z"))
GAINS = st.lists(st.integers(0, 255), min_size=1, max_size=3).map(tuple)
SOUNDS = st.lists(
    st.builds(Sound, st.integers(1, 1 << 20), st.integers(1, 96_000), GAINS, NAMES),
    min_size=1,
    max_size=5,
    unique_by=lambda s: s.name or id(s),
)
HEADERS = st.builds(
    SoundHeader, st.binary(min_size=16, max_size=16), st.integers(1, 96_000), st.integers(1, 4096), st.integers(1, 64),
    st.integers(1, 256), st.integers(1, 256), SOUNDS.map(tuple),
)  # fmt: skip


@given(HEADERS)
def test_headers_come_back(header):
    from aegean.codec import pack

    blocks = [b"x" * 5] * header.blocks if header.blocks < 1000 else None
    if blocks is not None:
        assert unpack(pack(header, blocks)) == (header, blocks)


@given(st.data())
def test_every_flipped_bit_and_every_cut_is_refused(model, data):
    good = bytearray(model.compress([hum(100)]))
    if data.draw(st.booleans()):
        good = good[: data.draw(st.integers(0, len(good) - 1))]
    else:
        good[data.draw(st.integers(0, len(good) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CodecError):
        model.decompress(bytes(good))
