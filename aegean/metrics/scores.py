"""A score, its name, and which of two is the better one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower", "nearest"]  # nearest to the floor
SHARES = ("agreement", "coverage", "memorised", "label")  # counted over samples, so that they have an interval
DIRECTIONS: dict[str, Better] = {
    "fd": "lower",
    "kd": "lower",
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
    "modes": "higher",
    "modes_confident": "higher",
    "mode_kl": "lower",
    "agreement": "higher",
    "memorised": "lower",
    "octave": "nearest",
    "swd": "lower",
    "forward": "nearest",
    "reverse": "lower",
    "self_bleu": "nearest",
    "verbatim": "nearest",
    "distinct": "nearest",
    "lengths": "lower",
    "rfd": "lower",
    "bits": "higher",
    "probe": "higher",
    "label": "higher",
    "mig": "higher",
    "factorvae": "higher",
    "shape": "higher",
    "trend": "higher",
    "auc": "higher",
    "r2": "higher",
    "alike": "higher",
}

MARKS = {  # of a score beside its floor, where it has them, in words
    "given": "given: what the images that were given score in the place of what was made of them",
    "classical": "classical: a median filter of 3 x 3 against noise, or holes filled smoothly, instead of the model",
    "mean": "mean: what the mean of the other side scores in the place of every translation",
    "neighbour": "neighbour: the partner of the nearest training sample in the place of the translation",
    "line": "line: the same for reconstructions of training data; no prior can do better than this, an adversary can",
    "blurred": "blurred: real data through a Gaussian of 0.7 pixels; a metric near its floor here is blind to texture",
    "ngram": "ngram: texts drawn from the language model of n-grams itself; what is not better has learnt no more",
    "independent": "independent: real rows, each column shuffled; a metric near its floor here is blind to pairs",
}


@dataclass(frozen=True)
class Score:
    """A number and what real data reach in its place, at the same counts."""

    value: float
    floor: float | None  # None where real data have no such number: the bits of a model
    better: Better
    interval: tuple[float, float] | None = None  # 95 % of the value, where the formula gives one
    line: float | None = None  # of samples: what a perfect prior would reach with this model's encoder and decoder
    blurred: float | None = None  # of samples: what real data reach that have lost their finest texture
    ngram: float | None = None  # of texts: what those drawn from a language model of n-grams reach
    independent: float | None = None  # of rows of mixed columns: what real ones reach, each column shuffled on its own
    given: float | None = None  # of restored and translated images: what those reach that were given
    classical: float | None = None  # of restored images: what a repair without training reaches
    mean: float | None = None  # of translations: what the mean of the other side reaches,
    neighbour: float | None = None  # and the partner of the nearest training sample


def count_name(count: int) -> str:
    """10000 -> "10k", 397 -> "397"."""
    return f"{count // 1000}k" if count and count % 1000 == 0 else str(count)


def count_of(key: str) -> int:
    """The count that a key names: 10000 of "fd@digits-classifier:10k"; 0 where it names none."""
    found = re.fullmatch(r".*:(\d{1,12})(k?)", key, re.DOTALL)
    return int(found[1]) * (1000 if found[2] else 1) if found else 0
