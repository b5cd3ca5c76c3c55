"""compress, decompress and info of sounds, from the command line; odd files are refused in one sentence each."""

import json
import struct
import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import wavfile
from untrained import untrained

from aegean.compression import sounds
from aegean.data.info import DataInfo
from aegean.data.io.recordings import recordings
from aegean.data.read import wav
from aegean.model import Model
from aegean.recipes import configure

INFO = DataInfo("hums", (1, 160), (0.0,), (1.0,), dtype="float32", kind="audio", rate=500)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    torch.manual_seed(0)
    settings = {"width": 6, "blocks": 1, "plain": 1}
    path = tmp_path_factory.mktemp("models") / "m.safetensors"
    untrained(configure("sound_codec", INFO, settings), INFO).save(path)
    return path


def hum(frames, channels=1):
    time = np.arange(frames)[:, None] / 500
    return (8000 * np.sin(2 * np.pi * (30 + 7 * np.arange(channels)) * time)).astype(np.int16)


def test_sounds_keep_names_lengths_rates_and_channels(done, file, tmp_path):
    forms = {"a": (500, 333, 1), "sub/b": (500, 1, 2), "sub/c": (735, 901, 3)}
    for name, (rate, frames, channels) in forms.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(tmp_path / "in" / f"{name}.wav", rate, hum(frames, channels))
    out = done("compress", file, tmp_path / "in", "--out", tmp_path / "s.aeg")
    assert "3 sounds" in out and "kbit/s" in out
    told = json.loads(done("info", tmp_path / "s.aeg", "--json"))
    assert told["kind"] == "sound" and told["sounds"] == 3 and told["rate"] == 500 and told["names"] == list(forms)
    assert "500 Hz" in done("info", tmp_path / "s.aeg")
    done("decompress", tmp_path / "s.aeg", "--model", file, "--out", tmp_path / "out/")
    for name, (rate, frames, channels) in forms.items():
        found = wav.read_header((tmp_path / "out" / f"{name}.wav").read_bytes())
        assert (found.rate, found.frames, found.channels) == (rate, frames, channels)


def test_one_sound_becomes_one_file(done, refused, file, tmp_path):
    for name in "ab":
        wavfile.write(tmp_path / f"{name}.wav", 500, hum(100))
    done("compress", file, tmp_path / "a.wav", "--out", tmp_path / "a.aeg")
    done("decompress", tmp_path / "a.aeg", "--model", file, "--out", tmp_path / "new" / "y.wav")
    assert wavfile.read(tmp_path / "new" / "y.wav")[1].shape == (100,)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["y.wav"]
    done("compress", file, tmp_path / "a.wav", tmp_path / "b.wav", "--out", tmp_path / "ab.aeg")
    said = refused("decompress", tmp_path / "ab.aeg", "--model", file, "--out", tmp_path / "z.wav")
    assert "2 sounds" in said and not (tmp_path / "z.wav").exists()


def broken():
    rate, frames = 500, 50
    good = wav.begin(rate, 1, frames) + wav.samples(np.zeros((1, frames)))
    nan = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 52, b"WAVE", b"fmt ", 16, 3, 1, 500, 2000, 4, 32, b"data", 8)
    return {
        "empty": (b"", "empty file"),
        "text": (b"Hello, I am no sound.", "no known sound format"),
        "no data": (good[:36], "no data chunk"),
        "short": (good[:-10], "it ends after 45 of 50 samples"),
        "no channels": (good[:22] + b"\0\0" + good[24:], "0 channels"),
        "rate 0": (good[:24] + bytes(4) + good[28:], "0 samples a second"),
        "nan": (nan + struct.pack("<ff", 0.5, np.nan), "NaN at 0.002 s"),
        "no samples": (wav.begin(rate, 1, 0), "no samples"),
    }


@pytest.mark.parametrize("what", broken())
def test_odd_files_are_refused_by_name_and_left_out_on_demand(refused, done, file, what, tmp_path):
    data, reason = broken()[what]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "odd.wav").write_bytes(data)
    wavfile.write(tmp_path / "in" / "good.wav", 500, hum(60))
    said = refused("compress", file, tmp_path / "in", "--out", tmp_path / "x.aeg")
    assert "odd" in said and reason in said and not (tmp_path / "x.aeg").exists()
    if what != "nan":  # which is found while it is compressed
        assert "1 sound" in done("compress", file, tmp_path / "in", "--skip-bad", "--out", tmp_path / "x.aeg")


def test_a_picture_is_no_sound(refused, file, tmp_path):
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "p.png")
    assert "holds no sounds" in refused("compress", file, tmp_path / "p.png", "--out", tmp_path / "x.aeg")


def test_a_long_sound_needs_no_more_memory_than_a_short_one(file, tmp_path, monkeypatch):
    """Fifty minutes at 500 Hz: 12 MB as numbers."""
    path = tmp_path / "long.wav"
    path.write_bytes(wav.begin(500, 2, 1_500_000) + np.random.default_rng(0).bytes(6_000_000))
    model = Model.load(file)
    monkeypatch.setattr(model.nets["symbols"], "frozen", Nothing)
    tracemalloc.start()
    data = sounds.compress(model.coder("sound"), recordings([str(path)], INFO))
    assert len(data) < 5000 and tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


class Nothing:
    """Tables that write nothing down: what they take is measured elsewhere."""

    fingerprint = bytes(16)

    def encode(self, grids):
        return b""
