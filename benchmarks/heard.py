"""How sounds are compared in `benchmarks/sound.py`: distances, PESQ and STOI where they are installed, a classifier of
spoken digits, and what other codecs make of them."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.signal import resample_poly
from torch import nn

from aegean.data.read import wav
from aegean.formulas.frechet import frechet_distance
from aegean.formulas.sounds import log_spectral_distance, mel_distance, si_sdr
from aegean.nets.sound import LogMel

Clips = list[np.ndarray]  # (length,) float32 each
STRETCH = 8.0  # seconds that PESQ and STOI hear at a time
FRAMES = 48  # of a clip, for the classifier
OPUS, OPUS_WIDE = (6_000, 8_000, 12_000, 24_000), (12_000, 16_000, 24_000, 32_000, 48_000)  # bits a second
WIDE = 24_000  # samples a second
OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)  # of its input; sounds of others are resampled to the highest
PESQ = {8_000: "nb", 16_000: "wb"}  # rates that it is defined for, narrow and wide band
PROGRAMS: dict[str, list[list[str]]] = {  # of other codecs: raw 16-bit samples at 8 kHz in, and back
    "codec2 2400": [["c2enc", "2400", "IN", "CODED"], ["c2dec", "2400", "CODED", "OUT"]],
    "codec2 1200": [["c2enc", "1200", "IN", "CODED"], ["c2dec", "1200", "CODED", "OUT"]],
    "speex 0": [["speexenc", "--quality", "0", "--rate", "8000", "IN", "CODED"], ["speexdec", "CODED", "OUT"]],
}


def compared(originals: Clips, found: Clips, rate: int, digits: Digits | None, labels: np.ndarray) -> dict[str, float]:
    """Scores of decoded clips, joined."""
    x, y = np.concatenate(originals), np.concatenate(found)
    scores = {
        "mel": mel_distance(x[None, None], y[None, None], rate),
        "lsd": log_spectral_distance(x[None, None], y[None, None], rate),
        "si_sdr": si_sdr(x[None, None], y[None, None]),
    }
    stretches = list(_stretches(originals, found, rate))
    for name, formula in perceptual(rate).items():
        scores[name] = float(np.mean([formula(a, b) for a, b in stretches]))
    if digits:
        scores["digits"] = digits.accuracy(found, labels)
        scores["fd"] = frechet_distance(digits.features(originals), digits.features(found))
    return scores


def _stretches(originals: Clips, found: Clips, rate: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of whole clips, joined to a few seconds."""
    first, length = 0, 0
    for number, clip in enumerate(originals, 1):
        length += len(clip)
        if length >= STRETCH * rate or (number == len(originals) and not first):
            yield np.concatenate(originals[first:number]), np.concatenate(found[first:number])
            first, length = number, 0


def perceptual(rate: int) -> dict[str, Callable[[np.ndarray, np.ndarray], float]]:
    """PESQ, of the rates that it is defined for, and STOI, where they can be imported."""
    formulas: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {}
    try:
        from pesq import pesq

        if rate in PESQ:
            formulas["pesq"] = lambda a, b: pesq(rate, a, b, PESQ[rate])
    except ImportError:
        pass
    try:
        from pystoi import stoi

        formulas["stoi"] = lambda a, b: stoi(a, b, rate)
    except ImportError:
        pass
    return formulas


class Digits:
    """A small network that tells classes by mel spectra, trained on original clips."""

    def __init__(self, clips: Clips, labels: np.ndarray, rate: int, steps: int = 400):
        torch.manual_seed(0)
        self.ear = LogMel(rate, (4 * round(0.008 * rate),), (32,))
        self.net = nn.Sequential(
            nn.Conv1d(32, 64, 5, 2, 2), nn.ReLU(), nn.Conv1d(64, 64, 5, 2, 2), nn.ReLU(), nn.Dropout(0.3),
            nn.Flatten(), nn.Linear(64 * FRAMES // 4, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10),
        )  # fmt: skip
        x, y = self.seen(clips), torch.as_tensor(labels)
        adam = torch.optim.AdamW(self.net.parameters(), 2e-3, weight_decay=0.05)
        plan = torch.optim.lr_scheduler.OneCycleLR(adam, 2e-3, steps)
        for _ in range(steps):
            rows = torch.randint(len(x), (64,))
            loss = F.cross_entropy(self.net(x[rows] + 0.1 * torch.randn(64, *x.shape[1:])), y[rows])
            adam.zero_grad()
            loss.backward()
            adam.step()
            plan.step()
        self.net.eval()

    @torch.no_grad()
    def seen(self, clips: Clips) -> torch.Tensor:
        """Spectra of one length, even in loudness: (n, 32, FRAMES)."""
        rows = [F.interpolate(self.ear(torch.from_numpy(clip)[None, None])[0].clamp(min=-4), FRAMES) for clip in clips]
        x = torch.cat(rows)
        return (x - x.mean((1, 2), keepdim=True)) / x.std((1, 2), keepdim=True).clamp(min=1e-3)

    @torch.no_grad()
    def features(self, clips: Clips) -> np.ndarray:
        """What the last layer sees, (n, 128)."""
        return self.net[:-1](self.seen(clips)).numpy()

    @torch.no_grad()
    def accuracy(self, clips: Clips, labels: np.ndarray) -> float:
        return float((self.found(clips) == labels).mean())

    @torch.no_grad()
    def found(self, clips: Clips) -> np.ndarray:
        """The class of each clip, (n,)."""
        return self.net(self.seen(clips)).argmax(1).numpy()


def others(clips: Clips, rate: int) -> Iterator[tuple[str, int, Clips]]:
    """What other codecs make of all clips, joined: name, bytes, clips."""
    x = np.concatenate(clips)
    for bits in OPUS if rate < WIDE else OPUS_WIDE:
        size, y = opus(x, rate, bits)
        yield f"opus {bits // 1000}k", size, apart(y, clips)
    size, y = through_library(x, rate, format="FLAC", compression_level=1.0)
    yield "flac", size, apart(y, clips)
    if rate == 8000:
        size, y = through_library(x, rate, format="WAV", subtype="GSM610")
        yield "gsm", size, apart(y, clips)
    for name, (encode, decode) in PROGRAMS.items():
        if rate == 8000 and shutil.which(encode[0]) and shutil.which(decode[0]):
            size, y = through_program(x, encode, decode)
            yield name, size, apart(y, clips)


def opus(x: np.ndarray, rate: int, bits: int) -> tuple[int, np.ndarray]:
    """Through Opus at so many bits a second, on a rate that it takes."""
    own = rate if rate in OPUS_RATES else OPUS_RATES[-1]
    level = 1 - (bits - 6_000) / 250_000
    size, y = through_library(resampled(x, rate, own), own, format="OGG", subtype="OPUS", compression_level=level)
    return size, resampled(y, own, rate)


def resampled(x: np.ndarray, rate: int, other: int) -> np.ndarray:
    return x if rate == other else resample_poly(x, other, rate).astype(np.float32)


def through_library(x: np.ndarray, rate: int, **form: Any) -> tuple[int, np.ndarray]:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, x, rate, **form)
    size = len(file.getvalue())
    file.seek(0)
    y, own = soundfile.read(file, dtype="float32")
    assert own == rate
    return size, y


def through_program(x: np.ndarray, encode: Sequence[str], decode: Sequence[str]) -> tuple[int, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: str(Path(folder) / name) for name in ("IN", "CODED", "OUT")}
        Path(paths["IN"]).write_bytes(wav.samples(x[None]))

        def run(words: Sequence[str], into: str) -> None:
            words = [paths.get(word, word) for word in words]
            done = subprocess.run(words, capture_output=True, check=True)
            if paths[into] not in words:
                Path(paths[into]).write_bytes(done.stdout)

        run(encode, "CODED")
        run(decode, "OUT")
        data = Path(paths["OUT"]).read_bytes()
        data = data[44:] if wav.is_wav(data) else data
        return Path(paths["CODED"]).stat().st_size, np.frombuffer(data, "<i2").astype(np.float32) / 32768


def apart(y: np.ndarray, clips: Clips) -> Clips:
    """A joined sound as clips of the same lengths, silence where it ends too early."""
    total = sum(map(len, clips))
    y = np.pad(y[:total], (0, max(0, total - len(y))))
    return np.split(y, np.cumsum([len(clip) for clip in clips])[:-1])


def clocked(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and the seconds of the processor that it took."""
    start = time.process_time()
    return work(), time.process_time() - start
