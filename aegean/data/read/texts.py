"""Texts as samples: of a file, a folder or a zip, in the tokens of a vocabulary that is made from the training part."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath

import numpy as np

from aegean.config import UserError
from aegean.data.options import LENGTHS
from aegean.data.read import vocabulary as words
from aegean.data.read.files import Files, plain_name
from aegean.data.read.folders import folder_labels, in_parts
from aegean.data.read.lines import Lines, read_lines
from aegean.data.read.source import BLOCK_BYTES, CLASS_LIMIT, Part, Source, Want, class_labels
from aegean.data.read.zips import open_zip, read_member, zip_names
from aegean.data.sets.split import held_out
from aegean.surface import option, plural, say

ENDINGS = (".txt", ".jsonl")
COLUMNS = (".csv", ".tsv")  # where a column is named
LONGEST = 64  # tokens of a sample, where none are wanted
MOST = 0.99  # of the texts fit into the length, where none is wanted
LEAST = 20  # texts to make a vocabulary of


def holds_texts(files: Files) -> bool:
    """Whether a file is a text by its ending, or a table with a column named; or a folder or zip with more such files
    than others."""
    endings = (*ENDINGS, *(COLUMNS if files.column else ()))
    if not files.is_folder and files.ending != ".zip":
        return files.ending in endings or bool(files.column)
    try:
        names = _names(files)
    except UserError:  # a damaged zip: its reader says so
        return False
    return 2 * sum(_ending(name) in endings for name in names) > len(names)


def _names(files: Files) -> list[str]:
    return zip_names(open_zip(files.path)) if files.ending == ".zip" else files.names


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def read_texts(files: Files, want: Want) -> Source:
    """Texts -> tokens (length,), uint16; 0 ends a text and fills the places behind it."""
    path = files.path
    if want.size or want.rate:
        raise UserError(f"{path} holds texts; give {'images' if want.size else 'sounds'}.")
    plain = () if files.column else (".txt",)  # has no columns
    if not files.is_folder and files.ending not in (".jsonl", ".zip", *COLUMNS, *plain):
        raise UserError(f"{path}:{files.column}: columns are for .csv and .tsv, fields for .jsonl; give one of those.")
    endings = (*ENDINGS, *(COLUMNS if files.column else ()))
    names = [name for name in _names(files) if _ending(name or path.name) in endings]
    content = _content(files)
    found = {name: read_lines(path / name, content(name), files.column, want.skip_bad) for name in names}
    _say_left_out(path.name, found)
    if not any(lines.texts for lines in found.values()):
        raise UserError(f"{path} holds no texts: it is empty, or all of its lines are blank.")
    chosen: list[list[str]] = []

    def part(rows: list[str], labels: np.ndarray | None) -> Part:
        chosen.append([text for row in rows for text in found[row].texts])
        repeated = None if labels is None else np.repeat(labels, [len(found[row].texts) for row in rows])
        return Part(len(chosen[-1]), lambda: iter(()), repeated)

    trees = {name: PurePosixPath(name or path.name).parts for name in names}
    train, test, classes = in_parts(trees, path, partial(folder_labels, path=path), part)
    if not classes and test is None:
        classes, labels = _labels(path.name, list(found.values()))
        train = replace(train, labels=labels)
    mask = None if test or want.tested or want.tokens else _held_out(chosen[0], train.labels, str(path))
    source = Source(str(path), plain_name(path), "text", (0,), "uint16", train, test, classes, mask=mask)
    known = chosen[0] if mask is None else [text for text, held in zip(chosen[0], mask) if not held]
    tokens = want.tokens or _vocabulary(source, known, want.scheme)
    length = want.length or length_of(chosen[0], tokens)
    source = replace(source, vocabulary=tuple(tokens), shape=(length,))
    parts = [_encoded(source, part, texts, want) for part, texts in zip((train, test), chosen) if part]
    train, kept = parts[0]
    return replace(source, train=train, test=parts[1][0] if test else None, mask=None if mask is None else mask[kept])


def _content(files: Files) -> Callable[[str], bytes]:
    """The bytes of a file of a folder or zip, by name. UserError: it is too large, or damaged."""
    archive = open_zip(files.path) if files.ending == ".zip" else None

    def content(name: str) -> bytes:
        try:
            return read_member(archive, name) if archive else files.read(name)
        except ValueError as error:
            raise UserError(f"{files.path / name} is {error}; split it into several files of a folder.") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise UserError(f"{files.path / name} is damaged ({error}); make the zip anew.") from None

    return content


def _say_left_out(name: str, found: dict[str, Lines]) -> None:
    blank, bad = (sum(counts) for counts in zip(*((one.blank, len(one.bad)) for one in found.values())))
    if blank:
        say(f"{name}: {plural(blank, 'blank line')} left out")
    if bad:
        first = next(f"{file or name}: {one.bad[0]}" for file, one in found.items() if one.bad)
        say(f"{name}: {plural(bad, 'unreadable line')} left out, the first one {first}")


def _labels(name: str, found: list[Lines]) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Classes and labels of all texts, from the label columns of their files."""
    if any(lines.labels is None for lines in found if lines.texts):
        return (), None
    every = [label for lines in found for label in lines.labels or ()]
    if len(set(every)) > min(CLASS_LIMIT, max(2, len(every) // 2)):
        say(f"{name}: the label column has {len(set(every))} different values, so it is not taken for classes")
        return (), None
    classes, labels, _ = class_labels(np.array(every), name)
    say(f"{name}: {len(classes)} classes, by its label column")
    return classes, labels


def _held_out(texts: list[str], labels: np.ndarray | None, origin: str) -> np.ndarray:
    """Which texts are kept for tests: the vocabulary must not know them."""
    if len(texts) < LEAST:
        raise UserError(f"{origin} holds {plural(len(texts), 'text')}; at least {LEAST} are needed to train.")
    keys = [hashlib.sha256(text.encode()).digest() for text in texts]
    return held_out(keys, -(-len(texts) // 10), origin, labels)


def _vocabulary(source: Source, texts: list[str], scheme: str) -> tuple[str, ...]:
    chosen = scheme or words.scheme_of(texts)
    found, left, share = words.vocabulary_of(texts, chosen)
    parts = chosen == "words" and left > 0  # parts of words are pieces, too
    what, how = (f"{chosen} and their parts", "parts or bytes") if parts else (chosen, "bytes")
    kind = "" if chosen == "bytes" else f"{len(found) - words.FIRST:,} {what}, and "
    pooled = f"; {left:,} rarer {chosen} ({share:.1%} of the text) are spelled in {how}" if left else ""
    say(f"{source.name}: a vocabulary of {kind}256 bytes{pooled}")
    return found


def length_of(texts: list[str], tokens: Sequence[str]) -> int:
    """The tokens of a sample: enough for nearly all, but no more than a network learns in minutes."""
    counts = np.array([sum(1 for _ in some) for some in words.tokens_of(texts, tokens)])
    usual, longest = np.quantile(counts, MOST, method="higher"), counts.max()
    length = min(LONGEST, longest if longest <= 1.25 * usual else usual)
    return max(LENGTHS[0], 4 * -(-int(length) // 4))


def _encoded(source: Source, part: Part, texts: list[str], want: Want) -> tuple[Part, np.ndarray]:
    """A part with its samples, and which of its texts are among them. UserError: one is longer than was asked for."""
    raw, cut = words.encoded(texts, source.vocabulary, length := source.shape[0])
    kept = np.ones(len(texts), bool)
    if cut.any() and want.length and not want.ranged:
        if not want.skip_bad:
            raise UserError(
                f"{source.origin}: {plural(int(cut.sum()), 'text')} of {len(texts):,} longer than "
                f"{option('length', length)} tokens, the first one {texts[int(cut.argmax())][:40]!r}; give a larger "
                f"length, or leave them out: {option('skip_bad')}."
            )
        kept = ~cut
        say(f"{source.name}: {plural(int(cut.sum()), 'text')} longer than {length} tokens left out")
    elif cut.any():
        longer = "" if want.ranged else f" ({option('length')} chooses another length)"
        say(f"{source.name}: texts of at most {length} tokens{longer}: {cut.sum():,} of {len(texts):,} are cut")
    raw, labels = raw[kept], None if part.labels is None else part.labels[kept]
    step = max(1, BLOCK_BYTES // (2 * length))

    def blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
        return (raw[rows[start : start + step]] for start in range(0, len(rows), step))

    def at(rows: np.ndarray) -> Callable[[], Iterator[np.ndarray]]:
        return partial(blocks, rows)

    return Part(len(raw), at(np.arange(len(raw))), labels, at=at), kept
