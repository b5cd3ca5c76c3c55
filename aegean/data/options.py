"""What a user asks of the data. Nothing here waits for numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aegean.config import Config, UserError, nearest
from aegean.files import expanded
from aegean.surface import option

if TYPE_CHECKING:
    from aegean.data.read.describe import Choice
    from aegean.data.read.source import Want

MIXED = 64  # pixels a side that images of several sizes are scaled to
SIZES = (4, 8192)
RATES = (100, 768_000)  # samples a second
PAIRS = ("name", "side-by-side", "none")
LENGTHS = (4, 1024)  # tokens of a text
VOCABULARIES = ("words", "characters", "bytes")


@dataclass(frozen=True)
class DataOptions(Config):
    """What a user asks of the data.

    spec: digits, grid, ring or sprites (built in); a folder or .zip of images or sounds (sub-folders are classes); a
        folder of .tar shards; a folder in the layout of MNIST or CIFAR-10; .npy, .npz (keys x, y) or .csv; texts in
        .txt (one a line), .csv:COLUMN, .tsv:COLUMN, .jsonl:FIELD, or a folder of these;
        hub:NAME[:SPLIT], a data set of the Hugging Face Hub (pip install 'aegean[data]')
    test: SPEC of the test part (default: the data's own, else a tenth, chosen by content)
    target: SPEC of the other side, for recipes that translate; a folder of trainA and trainB (testA, testB) has both
    test_target: SPEC of the test part of the other side
    pairs: name: images of the same name belong together, arrays by their order; side-by-side: each image holds both,
        left and right; none: nothing belongs together (default: as the recipe wants it)
    size: height and width that images are scaled to (default: their own, or 64 where they differ)
    cut: cut images into squares of so many pixels a side, as they are, instead of scaling them
    channels: 1 grey, 3 colour, 4 with transparency; of sounds 1 mixes them (default: as the data are)
    rate: samples a second that sounds are resampled to (default: their own)
    seconds: length of a clip of sound: longer sounds are cut, shorter ones padded (default: the longest, at most 1)
    length: tokens of a text: longer ones are refused (default: enough for nearly all, at most 64; longer ones are cut)
    vocabulary: of texts: words, characters or bytes (default: as suits the texts)
    range: the two values that become -1 and 1
    axes: nchw or nhwc, the order of an array's axes, where it is ambiguous
    skip_bad: leave unreadable images and sounds out
    columns: names of a table's columns to take, with commas between them; -NAME leaves one out
    kind: kinds of a table's columns, such as zip=category,born=date (number, whole, category, date, identifier)
    missing: cells of a table that hold no value, besides empty ones, NA, NaN, null, None and ?
    """

    spec: str
    test: str = ""
    target: str = ""
    test_target: str = ""
    pairs: str = ""
    size: int = 0
    cut: int = 0
    channels: int = 0
    rate: int = 0
    seconds: float = 0.0
    length: int = 0
    vocabulary: str = ""
    range: tuple[float, float] | None = None
    axes: str = ""
    skip_bad: bool = False
    columns: str = ""
    kind: str = ""
    missing: str = ""

    def check(self) -> None:
        self.choice()
        if self.size and not SIZES[0] <= self.size <= SIZES[1]:
            raise UserError(f"{option('size', self.size)}: expected {SIZES[0]} to {SIZES[1]}.")
        if self.cut and not SIZES[0] <= self.cut <= SIZES[1]:
            raise UserError(f"{option('cut', self.cut)}: expected {SIZES[0]} to {SIZES[1]}.")
        if self.cut and (self.size or self.target or self.pairs):
            raise UserError(f"{option('cut', self.cut)} takes images of one side as they are: give no size or target.")
        if self.pairs not in ("", *PAIRS):
            raise UserError(f"{option('pairs', self.pairs)}: expected {', '.join(PAIRS)}.")
        if self.pairs == "side-by-side" and self.target:
            raise UserError(
                f"{option('pairs', self.pairs)} takes both sides from one set: leave {option('target')} out."
            )
        if self.test_target and not self.target:
            raise UserError(f"{option('test_target')} belongs to {option('target')}; give both, or neither.")
        if self.channels < 0:
            raise UserError(f"{option('channels', self.channels)}: expected 1, 3 or 4.")
        if self.rate and not RATES[0] <= self.rate <= RATES[1]:
            raise UserError(f"{option('rate', self.rate)}: expected {RATES[0]} to {RATES[1]} samples a second.")
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise UserError(f"{option('seconds', self.seconds)}: expected a length above 0.")
        if self.length and not LENGTHS[0] <= self.length <= LENGTHS[1]:
            raise UserError(f"{option('length', self.length)}: expected {LENGTHS[0]} to {LENGTHS[1]} tokens.")
        if self.vocabulary not in ("", *VOCABULARIES):
            raise UserError(f"{option('vocabulary', self.vocabulary)}: expected {', '.join(VOCABULARIES)}.")
        if self.axes not in ("", "nchw", "nhwc"):
            raise UserError(f"{option('axes', self.axes)}: expected nchw or nhwc.")
        if self.range is not None and not (
            len(self.range) == 2 and all(map(math.isfinite, self.range)) and self.range[0] < self.range[1]
        ):
            raise UserError(f"{option('range', self.range)}: expected two finite numbers, the lower one first.")

    @property
    def paired(self) -> bool:
        """Whether each sample has its own partner."""
        return self.pairs == "side-by-side" or bool(self.target and self.pairs != "none")

    def other(self) -> DataOptions:
        """Those of the other side alone."""
        return self.replace(spec=self.target, test=self.test_target, target="", test_target="", pairs="")

    def by_convention(self) -> DataOptions:
        """The two sides of a folder with trainA and trainB (and testA, testB), where no other side is named."""
        top = expanded(self.spec)
        if self.target or self.pairs == "side-by-side" or not all((top / f"train{side}").is_dir() for side in "AB"):
            return self
        tested = all((top / f"test{side}").is_dir() for side in "AB")
        tests = {"test": "testA", "test_target": "testB"} if tested else {}
        sides = {"spec": "trainA", "target": "trainB", **tests}
        return self.replace(**{name: str(top / folder) for name, folder in sides.items()})

    def want(self) -> Want:
        """What a source's samples shall become."""
        from aegean.data.read.source import Want

        side = self.size or self.cut
        size = (side, side) if side else None
        beside = self.pairs == "side-by-side"
        if beside and size:
            size = (self.size, 2 * self.size)
        mixed = (MIXED, 2 * MIXED) if beside else (MIXED, MIXED)
        return Want(
            size,
            self.channels,
            self.axes,
            self.skip_bad,
            self.range is not None,
            mixed=mixed,
            cut=self.cut > 0,
            rate=self.rate,
            seconds=self.seconds,
            scheme=self.vocabulary,
            length=self.length,
            tested=bool(self.test),
            columns=self.choice(),
        )

    def choice(self) -> Choice:
        """What is said of a table's columns. UserError: a kind that there is not."""
        from aegean.data.read.describe import KINDS, Choice

        names = [name.strip() for name in self.columns.split(",") if name.strip()]
        kinds = dict(pair.rpartition("=")[::2] for pair in self.kind.split(",") if pair.strip())
        for name, kind in kinds.items():
            if kind not in KINDS or not name:
                raise UserError(f"{option('kind', self.kind)}: expected COLUMN=KIND.{nearest(kind, KINDS)}")
        return Choice(
            kinds,  # type: ignore[arg-type]
            tuple(word.strip() for word in self.missing.split(",") if word.strip()),
            tuple(name for name in names if not name.startswith("-")),
            tuple(name[1:] for name in names if name.startswith("-")),
        )
