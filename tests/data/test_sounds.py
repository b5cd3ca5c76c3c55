"""Sounds: WAV as scipy reads it, clips, rates and channels; what is wrong is named, whatever the bytes."""

import io
import struct
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from needs import needs
from notes import heard
from scipy.io import wavfile

from aegean.config import UserError
from aegean.data import DataInfo, DataOptions, open_data, read_inputs, write_samples
from aegean.data.io.hearing import as_spectrograms
from aegean.data.read import wav
from aegean.data.read.hearing import hear, look_at

TYPES = ["uint8", "int16", "int32", "float32", "float64"]
RNG = np.random.default_rng(0)
INFO = DataInfo("x", (1, 400), (0.0,), (1.0,), "float32", kind="audio", rate=8000)


def encoded(values, rate=8000):
    """Values (frames,) or (frames, channels) as scipy writes them."""
    out = io.BytesIO()
    wavfile.write(out, rate, values)
    return out.getvalue()


def sine(frames=400, hertz=500.0, rate=8000, phase=0.0):
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(frames) / rate + phase)).astype(np.float32)


def riff(form, data, size=None, before=b"", order="<"):
    """A WAV file of these chunks; size: what the data chunk claims to have."""
    size = len(data) if size is None else size
    chunks = b"WAVE" + before + struct.pack(f"{order}4sI", b"fmt ", len(form)) + form
    chunks += struct.pack(f"{order}4sI", b"data", size) + data
    return struct.pack(f"{order}4sI", b"RIFF" if order == "<" else b"RIFX", len(chunks)) + chunks


def pcm(channels=1, rate=8000, bits=16, coding=1, order="<"):
    width = (bits + 7) // 8
    return struct.pack(f"{order}HHIIHH", coding, channels, rate, 0, channels * width, bits)


def filled(folder, sounds, rate=8000):
    for name, values in sounds.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(values if isinstance(values, bytes) else encoded(values, rate))
    return str(folder)


@pytest.fixture
def voices(tmp_path):
    """40 sines of 300 to 400 samples in two classes."""
    sounds = {f"{'ab'[i % 2]}/{i}.wav": sine(400 - 20 * (i % 6), 200 + 20 * i) for i in range(40)}
    return filled(tmp_path / "voices", sounds)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_values_are_those_of_scipy(dtype, channels):
    values = RNG.uniform(-1, 1, (50, channels))
    if dtype != "float32" and dtype != "float64":
        most = np.iinfo(dtype)
        values = np.rint((values + 1) / 2 * (int(most.max) - int(most.min)) + int(most.min))
    values = values.astype(dtype)
    found, rate = hear(encoded(values, 11025))
    scale = {"uint8": 2.0**-7, "int16": 2.0**-15, "int32": 2.0**-31}.get(dtype, 1)
    wanted = (values.astype(np.float64) - 128 * (dtype == "uint8")) * scale
    assert rate == 11025 and found.dtype == np.float32
    np.testing.assert_allclose(found, wanted.T, atol=1e-7)


@pytest.mark.parametrize("order", ["<", ">"])
def test_24_bits_in_either_order(order):
    numbers = [0, 1, -1, 2**23 - 1, -(2**23)]
    raw = b"".join(n.to_bytes(3, "little" if order == "<" else "big", signed=True) for n in numbers)
    found, _ = hear(riff(pcm(bits=24, order=order), raw, order=order))
    np.testing.assert_allclose(found[0], np.array(numbers) / 2**23, atol=1e-7)


def test_odd_and_unknown_chunks_are_passed_over():
    odd = struct.pack("<4sI", b"LIST", 5) + b"hello\0" + struct.pack("<4sI", b"junk", 2) + b"ab"
    values = np.array([1, -2, 3], "<i2")
    found, _ = hear(riff(pcm(), values.tobytes(), before=odd))
    np.testing.assert_array_equal(found[0], values / np.float32(2**15))


def test_extensible_and_open_ended_files_are_read():
    extended = pcm(coding=0xFFFE) + struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14)
    values = np.array([5, 6], "<i2").tobytes()
    for file in (riff(extended, values), riff(pcm(), values, size=0xFFFFFFFF)):
        np.testing.assert_array_equal(hear(file)[0], np.array([[5, 6]]) / np.float32(2**15))


REFUSED = {
    "an empty file": b"",
    "no known sound format": b"This is not a valid WAV file.\n",
    "no data chunk": riff(pcm(), b"")[:-8],
    "ends after 2 of 1,000": riff(pcm(), bytes(4), size=2000),
    "0 channels": riff(pcm(channels=0), bytes(4)),
    "at 0 samples": riff(pcm(rate=0), bytes(4)),
    "holds no samples": riff(pcm(), b""),
    "within a sample": riff(pcm(), bytes(5)),
    "NaN at 0.000 s, channel 2": encoded(np.array([[0, np.nan]], np.float32)),
    "an infinite value": encoded(np.array([0, np.inf], np.float32)),
    "4000000000 samples a second": riff(pcm(rate=4_000_000_000), bytes(4)),
    "65 channels": riff(pcm(channels=65), bytes(130)),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_wrong_is_named_by_file(tmp_path, reason):
    folder = filled(tmp_path / "x", {f"{i}.wav": sine(hertz=100 + i) for i in range(24)} | {"bad.wav": REFUSED[reason]})
    with pytest.raises(UserError, match=rf"bad\.wav.*{reason}"):
        open_data(folder)
    said = []
    assert heard(said, open_data, DataOptions(folder, skip_bad=True)).info.count == 21
    assert any("bad.wav" in note for note in said)


@given(st.data())
def test_whatever_bytes_a_file_holds_it_is_values_or_a_reason(data):
    good = bytearray(encoded(RNG.integers(-9, 9, (20, 2)).astype(np.int16)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(good)))
        good[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=5))
    try:
        values, rate = hear(bytes(good))
    except (ValueError, UserError) as error:
        assert str(error) and "\n" not in str(error)
    else:
        assert values.size <= len(good) and rate > 0 and np.isfinite(values).all()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                theirs = wavfile.read(io.BytesIO(bytes(good)))[1]
            except Exception:
                return
        assert theirs.size == values.size


@given(st.binary(max_size=80))
def test_any_header_is_read_or_refused(tail):
    try:
        assert wav.read_header(b"RIFF\0\0\0\0WAVE" + tail).frames >= 0
    except ValueError as error:
        assert str(error)


def test_a_folder_gives_clips_of_one_length_with_classes(voices):
    said = []
    found = heard(said, open_data, voices)
    info = found.info
    assert (info.kind, info.shape, info.rate, info.classes) == ("audio", (1, 400), 8000, ("a", "b"))
    assert info.count + info.test_count == 40 and info.dtype == "float32"
    assert any("padded with silence" in note for note in said)
    short = found.train[abs(found.train[:, 0, -20:]).max(1) == 0]
    assert len(short) and (short[:, 0, :250] != 0).any()


def test_a_zip_gives_the_same_as_its_folder(voices, tmp_path):
    from pathlib import Path

    with zipfile.ZipFile(tmp_path / "voices.zip", "w") as archive:
        for path in sorted(Path(voices).rglob("*.wav")):
            archive.write(path, path.relative_to(voices))
        archive.writestr("README.md", "what they are")
    assert open_data(str(tmp_path / "voices.zip")).info.fingerprint == open_data(voices).info.fingerprint


def test_long_sounds_are_cut_and_a_model_gets_the_rest_too(tmp_path):
    long = sine(4230, 333)
    folder = filled(tmp_path / "x", {f"{i}.wav": sine(4130 + 80 * i, 100 + i) for i in range(3)})
    said = []
    found = heard(said, open_data, DataOptions(folder, seconds=0.05))
    assert found.info.shape == (1, 400) and found.info.count + found.info.test_count == 10 + 11 + 11
    assert found.info.test_count in (10, 11)  # one recording, whole
    assert any("1 sound" in note and "left out" in note for note in said)
    (tmp_path / "one.wav").write_bytes(encoded(long))
    names, raw = read_inputs([str(tmp_path / "one.wav")], INFO)
    assert len(names) == 11 and names[0] == "one-0001"
    np.testing.assert_array_equal(raw.reshape(-1)[:4230], long)
    assert not raw.reshape(-1)[4230:].any()


def test_resampling_says_what_is_lost_and_keeps_what_is_below(tmp_path):
    rate = 48000
    both = sine(4800, 1000, rate) / 2 + sine(4800, 9000, rate) / 2
    folder = filled(tmp_path / "x", {f"{i}.wav": both * (1 - i / 100) for i in range(24)}, rate)
    said = []
    found = heard(said, open_data, DataOptions(folder, rate=8000))
    assert found.info.rate == 8000 and found.info.shape == (1, 800)
    assert any("nothing above 4000 Hz" in note for note in said)
    spectrum = abs(np.fft.rfft(found.train[0, 0, 100:-100]))
    assert spectrum[int(1000 / 8000 * 600)] > 0.98 * spectrum.max() and np.sort(spectrum)[-4] < 0.05 * spectrum.max()


def test_mixed_rates_need_a_choice(tmp_path):
    folder = filled(tmp_path / "x", {f"{i}.wav": encoded(sine(800, 90 + i), 8000 * (1 + i % 2)) for i in range(24)})
    with pytest.raises(UserError, match=r"8000, 16000.*rate"):
        open_data(folder)
    assert open_data(DataOptions(folder, rate=8000)).info.rate == 8000


def test_clips_of_hardly_a_sample_are_refused(voices):
    with pytest.raises(UserError, match=r"clips of 8 samples at 8000 Hz.*seconds"):
        open_data(DataOptions(voices, seconds=0.001))


def test_channels_stay_apart_or_are_mixed(tmp_path):
    pair = {f"{i}.wav": np.stack((sine(hertz=90 + i), -sine(hertz=90 + i) / 2), 1) for i in range(24)}
    folder = filled(tmp_path / "x", pair)
    apart, mixed = open_data(folder), open_data(DataOptions(folder, channels=1))
    assert apart.info.shape == (2, 400) and mixed.info.shape == (1, 400)
    np.testing.assert_array_equal(apart.train[0, 0], -2 * apart.train[0, 1])
    assert abs(mixed.train).max() < 0.26


def test_clipping_and_levels_beyond_full_scale_are_named(tmp_path):
    clipped = (32767 * np.clip(3 * sine(hertz=200), -1, 1)).astype(np.int16)
    sounds = {f"{i}.wav": sine(hertz=100 + i) for i in range(24)}
    folder = filled(tmp_path / "x", sounds | {"cut.wav": clipped, "loud.wav": 4 * sine(hertz=50)})
    said = []
    found = heard(said, open_data, folder)
    assert any("cut.wav at 0.00" in note for note in said) and any("loud.wav by 6.0 dB" in note for note in said)
    assert abs(found.train).max() <= 1
    assert look_at(encoded(sine())).clipped < 0


def test_silence_stays_silence(tmp_path):
    quiet = {f"{i}.wav": np.full(300, 128, np.uint8) if i < 2 else sine(hertz=90 + i) for i in range(24)}
    folder = filled(tmp_path / "x", quiet)
    found = open_data(DataOptions(folder, rate=16000))
    both = np.concatenate((found.train, found.test))
    assert (abs(both).max((1, 2)) == 0).sum() == 2


def test_what_is_written_is_read_again(tmp_path):
    raw = np.stack((sine(), np.zeros(400, np.float32)))[:, None]
    said = []
    paths = heard(said, write_samples, 2.5 * raw, ["loud", "silent"], tmp_path / "out", INFO)
    assert any("clipped" in note for note in said)
    rate, values = wavfile.read(paths[0])
    assert rate == 8000 and values.dtype == np.int16 and values.max() == 32767
    paths = write_samples(raw, ["a", "b"], tmp_path / "out", INFO)
    _, again = read_inputs([str(path) for path in paths], INFO)
    np.testing.assert_allclose(again, raw, atol=2**-15)
    with pytest.raises(UserError, match="NaN"):
        write_samples(np.full((1, 1, 400), np.nan), ["c"], tmp_path / "out", INFO)


def test_a_spectrogram_shows_the_frequency():
    picture = as_spectrograms(sine(4000, 1000)[None, None], INFO)[0, ..., 0]
    height = len(picture)
    assert abs((height - 1 - picture.mean(1).argmin()) / height * 4000 - 1000) < 100
    assert (as_spectrograms(np.zeros((1, 2, 400), np.float32), INFO) == 255).all()


def test_sounds_and_pictures_are_not_taken_for_each_other(voices, tmp_path):
    with pytest.raises(UserError, match="holds sounds"):
        read_inputs([voices], DataInfo("digits", (1, 8, 8), (127.5,), (127.5,)))
    with pytest.raises(UserError, match="holds images, but this model takes sounds"):
        read_inputs(["digits"], INFO)
    for options in (DataOptions("digits", rate=8000), DataOptions("digits", seconds=1.0)):
        with pytest.raises(UserError, match="no sounds"):
            open_data(options)
    with pytest.raises(UserError, match="sounds"):
        open_data(DataOptions(voices, size=32))


@pytest.mark.parametrize("ending", ["flac", "ogg", "mp3", "aiff"])
@needs("soundfile")
def test_other_formats_by_the_library(ending):
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, sine(8000), 8000, format=ending)
    values, rate = hear(out.getvalue())
    assert rate == 8000 and abs(values.shape[1] - 8000) < 2500 and np.isfinite(values).all()
    with pytest.raises(ValueError):
        hear(out.getvalue()[:60])


def test_without_the_library_its_hint_is_given(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    for data in (b"fLaC" + bytes(40), b"OggS" + bytes(40), b"ID3" + bytes(40), riff(pcm(coding=7, bits=8), bytes(4))):
        with pytest.raises(UserError, match=r"aegean\[sound\]"):
            hear(data)
