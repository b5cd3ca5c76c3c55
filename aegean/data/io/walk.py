"""Pictures in their own sizes, one after another, from wherever they lie; and names for what becomes of them."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from aegean.codec.names import NAME_LIMIT, is_name
from aegean.config import UserError
from aegean.data.address import Address, Local, address
from aegean.data.kinds import PICTURES as PICTURE_READER
from aegean.data.read.decode import unreadable
from aegean.data.read.formats import Picture, endings, open_picture, reason_of
from aegean.data.read.lazy import LazyPictures
from aegean.data.read.pictures import pictures_of
from aegean.data.read.source import Source, Store, Want
from aegean.data.read.stored import say_left_out
from aegean.surface import be, muted, noted, option, plural, say

Said = Counter[str]  # what was done to pictures, in words, and to how many
PART_LIMIT = 240  # bytes of a folder's or file's name: 255 less an ending and a number
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}  # of Windows


class Taking(NamedTuple):
    """How a picture is taken. UserError: it is refused."""

    encoded: Callable[[Picture, Said], Any]  # of a file
    array: Callable[[np.ndarray, Source], Any]  # of a source whose pictures are arrays (channels, H, W)


def walk(
    inputs: Sequence[str],
    taking: Taking,
    skip_bad: bool = False,
    expect: Callable[[int], Any] = lambda count: None,
) -> Iterator[tuple[str, Any]]:
    """Pictures -> names, and what is made of each. A name is the file's, below the folder that was given and without
    its ending; all are different.

    inputs: picture files, folders and zips of them, or any data SPEC of pictures.
    taking: what is made of a picture.
    skip_bad: leave out what cannot be read, and say so.
    expect: told how many there are, before the first is read.

    UserError: what is refused.
    """
    taken, parts = set[str](), []
    for spec in inputs:
        place = address(spec)
        if isinstance(place, Local) and place.reader is PICTURE_READER:
            store = pictures_of(place.files)
            encoded = _decoded(store, store.places, store.names, place.files.path.name, taking, skip_bad)
            parts.append((len(store.names), encoded))
        else:
            parts.append(_samples(place, taking, skip_bad))
    expect(sum(count for count, _ in parts))
    renamed = []
    for _, found in parts:
        for name, values in found:
            wanted = plain(name)
            if (own := different(wanted, taken)) != wanted:
                renamed.append(own)
            yield own, values
    if renamed:
        some = ", ".join(renamed[:3]) + (", ..." if len(renamed) > 3 else "")
        say(f"{plural(len(renamed), 'image')} {be(len(renamed))} called {some}: others have their names already")


def file_name(name: str, taken: set[str]) -> str:
    """A picture's name as that of a file without ending, on every system; different from those that are `taken`."""
    return different("/".join(map(_portable, name.split("/"))), taken)


def _samples(place: Address, taking: Taking, skip_bad: bool) -> tuple[int, Iterator[tuple[str, Any]]]:
    """How many there are, and the pictures, of data in which they are no files: encoded ones are decoded as files are,
    others have one shape."""
    with muted(), noted() as notes:  # what happens to them on the way to one shape does not happen here
        source = place.source(Want(skip_bad=skip_bad, ranged=True))
    parts = [part for part in (source.train, source.test) if part]
    if all(isinstance(part.lazy, LazyPictures) for part in parts):
        for note in notes:
            if "left out" in note:
                say(note)
        lazy: Any = [(part.lazy, part.names) for part in parts]
        stored = (_decoded(p.store, p.places, names, source.name, taking, skip_bad) for p, names in lazy)
        return sum(part.count for part in parts), chain.from_iterable(stored)
    each = (values for part in parts for block in part.blocks() for values in np.asarray(block, source.dtype))
    named = ((f"{source.name}-{number:06d}", taking.array(values, source)) for number, values in enumerate(each))
    return sum(part.count for part in parts), named


def _decoded(
    store: Store, places: np.ndarray, names: Sequence[str], origin: str, taking: Taking, skip_bad: bool
) -> Iterator[tuple[str, Any]]:
    """The images at some places of a store, decoded one after another.

    store, places: where they lie; (n, k) int64.
    names: of each, relative; "" of a file that was given alone.
    origin: what to call all.
    taking, skip_bad: as for `walk`.
    """
    said, bad = Said(), list[tuple[str, str]]()

    def taken(place: np.ndarray) -> Any:  # the open picture does not outlive it
        with open_picture(io.BytesIO(store.read(place))) as picture:
            return taking.encoded(picture, said)

    for place, name in zip(places, (name or origin for name in names)):
        try:
            found = taken(place)
        except Exception as error:  # Pillow's readers raise many kinds for damaged files
            reason = reason_of(error).rstrip(".")
            if skip_bad:
                bad.append((name, reason))
                continue
            if isinstance(error, UserError):
                reason = f"{store.name(place)}: {reason} ({option('skip_bad')} leaves such images out)."
                raise UserError(reason) from None
            raise UserError(unreadable(store.name(place), reason)) from None
        yield name, found
    if bad:
        say_left_out(origin, len(names), bad)
    for remark, count in said.items():
        say(f"{origin}: {count} of {len(names)} images {be(count)} {remark}")


def picture_at(store: Store, place: np.ndarray, encoded: Callable[[Picture, Said], Any]) -> Any:
    """What is made of the image at one place of a store. UserError: it cannot be read."""
    try:
        with open_picture(io.BytesIO(store.read(place))) as picture:
            return encoded(picture, Said())
    except UserError:
        raise
    except Exception as error:
        raise UserError(unreadable(store.name(place), reason_of(error))) from None


def plain(name: str, known: Collection[str] = ()) -> str:
    """A file's name without its ending, one of the `known` or a picture's, and fit for every system."""
    path = PurePosixPath(name)
    parts = (path.with_suffix("") if path.suffix.lower() in (known or endings()) else path).parts
    short = "/".join(_portable(part) for part in parts if part not in ("/", ".."))
    return short if short and is_name(short) and len(short.encode()) < NAME_LIMIT - 16 else "picture"


def _portable(part: str) -> str:
    """A part of a path as every system can write it, with an ending and a number behind it."""
    part = "".join(c if c.isprintable() and c not in '\\:*?"<>|' else "-" for c in part)
    part = re.sub(r"[. ]+$", "-", part.encode()[:PART_LIMIT].decode(errors="ignore"))
    return f"-{part}" if part.split(".")[0].lower() in RESERVED else part


def different(name: str, taken: set[str]) -> str:
    """A name that no picture has yet, not even in other letters' cases, which some systems do not tell apart, and whose
    file is no folder of another's."""
    if taken.intersection(f"{folder} is a file" for folder in _places(name)[1:]):
        name = _portable(name.replace("/", "-"))
    again, found = 1, name
    while _places(found)[0] in taken:
        again += 1
        found = f"{name}-{again}"
    places = _places(found)
    taken.update(places, [f"{places[0]} is a file"])
    return found


def _places(name: str) -> list[str]:
    """The file that a picture of this name becomes, and the folders that it lies in."""
    path = PurePosixPath(name.casefold() + ".png")
    return [str(path), *map(str, path.parents)]
