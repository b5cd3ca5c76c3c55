"""Sounds that are no speech, made up: plucked strings, bells, drums, organs, birds, rain.

    python benchmarks/instruments.py FOLDER [--rate 44100] [--count 15] [--channels 1]

Ten kinds of sounds of a second, in three rooms, so many of each, named KIND_ROOM_NUMBER.wav as
`benchmarks/sound.py --task codec --data FOLDER` takes them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from aegean.data.read import wav

Rng = np.random.Generator
ROOMS = {"dry": 0.02, "studio": 0.15, "hall": 0.6}  # seconds in which an echo falls to a thousandth
PEAK = 0.5


def pitch(rng: Rng) -> float:
    """Of the tempered scale, 110 to 880 Hz."""
    return 110 * 2 ** (rng.integers(0, 37) / 12)


def plucked(rng: Rng, t: np.ndarray, rate: int) -> np.ndarray:
    """Karplus and Strong 1983: noise in a loop that averages neighbours."""
    period = round(rate / pitch(rng))
    burst = np.zeros(len(t))
    burst[:period] = rng.uniform(-1, 1, period)
    loop = np.zeros(period + 2)
    loop[0], loop[period : period + 2] = 1, -0.498
    return lfilter([1.0], loop, burst)


def chord(rng: Rng, t: np.ndarray, rate: int) -> np.ndarray:
    return sum((plucked(rng, t, rate) for _ in range(3)), np.zeros(len(t)))


def partials(t: np.ndarray, frequencies: np.ndarray, levels: np.ndarray, decays: np.ndarray) -> np.ndarray:
    heard = levels[:, None] * np.exp(-np.outer(decays, t)) * np.sin(2 * np.pi * np.outer(frequencies, t))
    return heard.sum(0)


def bell(rng: Rng, t: np.ndarray, rate: int) -> np.ndarray:
    ratios = np.array([0.56, 0.92, 1.19, 1.71, 2.0, 2.74, 3.0, 3.76, 4.07])
    return partials(t, 2 * pitch(rng) * ratios, rng.uniform(0.3, 1, 9), 2 + 2 * ratios)


def drum(rng: Rng, t: np.ndarray, rate: int) -> np.ndarray:
    falling = np.cumsum(rng.uniform(45, 70) * (1 + 4 * np.exp(-t * 30))) / rate
    return np.sin(2 * np.pi * falling) * np.exp(-t * 8) + 0.4 * rng.normal(size=len(t)) * np.exp(-t * 25)


def cymbal(rng: Rng, t: np.ndarray, rate: int) -> np.ndarray:
    high = butter(4, min(6_000, 0.3 * rate), "high", fs=rate, output="sos")
    return sosfilt(high, rng.normal(size=len(t))) * np.exp(-t * rng.uniform(4, 20))


def organ(rng: Rng, t: np.ndarray, rate: int) -> np.ndarray:
    count = np.arange(1, 9)
    swell = 1 + 0.1 * np.sin(2 * np.pi * rng.uniform(4, 7) * t)
    return partials(t, pitch(rng) * count, 1 / count, np.zeros(8)) * np.minimum(1, 20 * t) * swell


def flute(rng: Rng, t: np.ndarray, rate: int) -> np.ndarray:
    tone = partials(t, 2 * pitch(rng) * np.arange(1, 4), np.array([1, 0.3, 0.1]), np.zeros(3))
    return (tone + 0.1 * rng.normal(size=len(t))) * np.minimum(1, 10 * t)


def bird(rng: Rng, t: np.ndarray, rate: int) -> np.ndarray:
    sweep = rng.uniform(1_500, 3_000) * (1 + 0.4 * np.sin(2 * np.pi * rng.uniform(3, 12) * t + rng.uniform(0, 6)))
    return np.sin(2 * np.pi * np.cumsum(sweep) / rate) * (np.sin(2 * np.pi * rng.uniform(2, 6) * t) > 0)


def rain(rng: Rng, t: np.ndarray, rate: int) -> np.ndarray:
    drops = rng.normal(size=len(t)) * (rng.random(len(t)) < 300 / rate)
    return fftconvolve(drops, np.exp(-t[: rate // 50] * 400))[: len(t)] + 0.01 * rng.normal(size=len(t))


def bass(rng: Rng, t: np.ndarray, rate: int) -> np.ndarray:
    saw = 2 * ((pitch(rng) / 4 * t) % 1) - 1
    return sosfilt(butter(2, rng.uniform(300, 2_000), fs=rate, output="sos"), saw) * np.exp(-t * 2)


KINDS: tuple[Callable[[Rng, np.ndarray, int], np.ndarray], ...] = (
    plucked, chord, bell, drum, cymbal, organ, flute, bird, rain, bass,
)  # fmt: skip


def recording(kind: int, room: str, rng: Rng, rate: int, channels: int) -> np.ndarray:
    """(channels, rate): the sound from another place of the room in each channel."""
    t = np.arange(rate) / rate
    dry = KINDS[kind](rng, t, rate)
    echo = rng.normal(size=(channels, rate)) * np.exp(-t * 6.9 / ROOMS[room]) / np.sqrt(rate * ROOMS[room])
    echo[:, 0] = 1
    heard = np.stack([fftconvolve(dry, one)[:rate] for one in echo])
    return PEAK * heard / abs(heard).max()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rate", type=int, default=44_100)
    parser.add_argument("--count", type=int, default=15)
    parser.add_argument("--channels", type=int, default=1)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for kind in range(len(KINDS)):
        for room in ROOMS:
            for number in range(asked.count):
                x = recording(kind, room, rng, asked.rate, asked.channels)
                data = wav.begin(asked.rate, asked.channels, asked.rate) + wav.samples(x.astype(np.float32))
                (asked.folder / f"{kind}_{room}_{number}.wav").write_bytes(data)


if __name__ == "__main__":
    main()
