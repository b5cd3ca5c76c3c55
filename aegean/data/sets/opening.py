"""`open_data`: reuse a pack whose source is unchanged, else pack anew."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from aegean.config import UserError, to_json
from aegean.data.address import Address, address
from aegean.data.column import Column
from aegean.data.kinds import kind_of
from aegean.data.options import DataOptions
from aegean.data.read.lazy import is_index
from aegean.data.read.pairs import halves, joined
from aegean.data.read.source import Source, Store
from aegean.data.sets.dataset import Dataset
from aegean.data.sets.pack import FORMAT, bytes_needed, load_pack, read_json, write_json, write_pack
from aegean.files import FULL
from aegean.machine import cache_folder
from aegean.surface import noted, option, say

STALE = 24 * 3600  # seconds after which an unfinished pack is nobody's


def open_data(options: DataOptions | str, table: tuple[Column, ...] = ()) -> Dataset:
    """The data set that the options (or a SPEC alone) name, packed in the cache folder on first use.

    table: the columns of a model, as which those of a table are read; else they are described anew.

    Raises UserError, with what to do, for anything wrong with the options or the source.
    """
    options = DataOptions(options) if isinstance(options, str) else options
    options.check()
    if options.target and not options.paired:
        return _two_sets(options)
    specs = [options.spec, *filter(None, (options.test, options.target, options.test_target))]
    found = {spec: address(spec) for spec in specs}
    places = [found[spec] for spec in (options.spec, *filter(None, [options.test]))]
    given = {name: bool(getattr(options, name)) for name in ("test", "target", "test_target")}
    settings = {**to_json(options), **given, "spec": "", "format": FORMAT}
    settings |= {"table": to_json(table)} if table else {}
    request = _digest([settings, {spec: place.glance() for spec, place in found.items()}])
    name = places[0].name
    packs = _packs_folder()
    store = partial(_store, places)
    earlier = {folder: stored for folder in packs.glob(f"{name}-*") if (stored := _stored(folder))}
    for folder, stored in earlier.items():
        if stored.get("request") == request and (dataset := load_pack(folder, store)):
            return _with_notes(dataset, stored)
    with noted() as notes:
        sources = _read(found, options, table)
        sums = {spec: place.fingerprint() for spec, place in found.items()}
        folder = packs / f"{name}-{_digest([settings, list(sums.values())])[:16]}"
        if dataset := load_pack(folder, store):
            stored = {**read_json(folder), "request": request}
            del stored["format"], stored["info"]
            _replace_json(folder, dataset, stored)
            return _with_notes(dataset, stored, notes)
        if any(stored.get("options") == to_json(options) for stored in earlier.values()):
            say(f"{name}: its content has changed since it was packed; packing it anew")
            notes.pop()
        about = {"request": request, "options": to_json(options), "sha256": sums, "notes": notes}
        dataset = _pack(folder, sources, options, about, store)
    how = "indexed; they are decoded as they are read" if is_index(folder) else "packed"
    info = dataset.info
    say(f"{info.name}: {info.count} training and {info.test_count} test samples of shape {info.shape}, {how}")
    return dataset


def settled(options: DataOptions) -> DataOptions:
    """The same options with absolute paths, so that a run finds its data from wherever it is resumed."""
    named = {name: getattr(options, name) for name in ("spec", "test", "target", "test_target")}
    return options.replace(**{name: address(spec).spec if spec else "" for name, spec in named.items()})


def _two_sets(options: DataOptions) -> Dataset:
    """Two sides whose samples do not belong together: each a data set of its own, the other brought to the size of the
    first. UserError: they cannot be brought together."""
    main = open_data(options.replace(target="", test_target="", pairs=""))
    theirs = options.other()
    other = open_data(theirs)
    shape, (height, *width) = main.info.shape, main.info.shape[1:]
    if other.info.shape[1:] != shape[1:] and [height] == width:
        say(f"{other.info.name}: brought to the size of {main.info.name}")
        other = open_data(theirs.replace(size=height))
    if (other.info.kind, other.info.dtype, other.info.shape[1:]) != (main.info.kind, main.info.dtype, shape[1:]):
        raise UserError(
            f"{options.target} holds {other.info.dtype} {other.info.shape}, {options.spec} {main.info.dtype} {shape}; "
            f"give {option('size')} to bring both to one."
        )
    both = _digest([main.info.fingerprint, other.info.fingerprint])
    return replace(main, info=main.info.replace(target=other.info, fingerprint=both), target=other)


def _store(places: list[Address], part: str, description: Mapping[str, Any]) -> Store:
    """The samples that the index of a part ("train" or "test") speaks of, where the options say that they lie."""
    return places[-1 if part == "test" else 0].store(description)


def _read(places: Mapping[str, Address], options: DataOptions, table: tuple[Column, ...]) -> list[Source]:
    want = replace(options.want(), table=table)

    def read(spec: str, target: str) -> Source:
        source = places[spec].source(want)
        if options.pairs == "side-by-side":
            return halves(source)
        return joined(source, places[target].source(want)) if target else source

    try:
        sources = [read(options.spec, options.target)]
        if tokens := sources[0].vocabulary:
            want = replace(want, tokens=tokens, length=sources[0].shape[0], ranged=True)
        want = replace(want, table=sources[0].table)
        sources += [read(options.test, options.test_target)] if options.test else []
    except OSError as error:
        raise UserError(f"{error.filename or options.spec} cannot be read ({error.strerror}).") from None
    if (options.rate or options.seconds) and not sources[0].rate:
        given = option("rate") if options.rate else option("seconds")
        raise UserError(f"{sources[0].origin} holds no sounds; leave {given} out.")
    if (options.length or options.vocabulary) and not sources[0].vocabulary:
        given = option("length") if options.length else option("vocabulary")
        raise UserError(f"{sources[0].origin} holds no texts; leave {given} out.")
    if not sources[0].table:
        for given in ("columns", "kind", "missing"):
            if getattr(options, given):
                raise UserError(f"{sources[0].origin} is no table with columns; leave {option(given)} out.")
    kind_of(sources[0]).check(sources[0])
    return sources


def _pack(folder: Path, sources: list[Source], options: DataOptions, about: dict[str, Any], store: Any) -> Dataset:
    """Write a pack under a temporary name, then rename it; another process may have been faster."""
    source, test = sources[0], sources[1] if len(sources) > 1 else None
    temporary, needed = None, bytes_needed(source, test)
    try:
        if shutil.disk_usage(folder.parent).free < needed:
            raise OSError(errno.ENOSPC, "no space left")
        temporary = Path(tempfile.mkdtemp(prefix=".packing-", dir=folder.parent))
        info = write_pack(temporary, source, test, options)
        write_json(temporary / "pack.json", info, **about)
        _rename(temporary, folder, store)
    except OSError as error:
        if error.errno in FULL:
            raise UserError(_no_space(folder.parent, needed)) from None
        raise UserError(f"{error.filename or folder.parent} cannot be read or written ({error.strerror}).") from None
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)
    dataset = load_pack(folder, store)
    assert dataset is not None, folder
    return dataset


def _rename(temporary: Path, folder: Path, store: Any) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        if load_pack(folder, store):  # packed by another process meanwhile
            return
        shutil.rmtree(folder)  # damaged
        temporary.rename(folder)


def _no_space(place: Path, needed: int) -> str:
    return (
        f"No space left on the device: packing the data needs {needed} bytes in {place}. Free some, or move the "
        f"cache: set AEGEAN_CACHE to a folder on a larger disk."
    )


def _packs_folder() -> Path:
    """The folder of all packs; what killed processes left there goes."""
    packs = cache_folder() / "packs"
    try:
        packs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The cache folder {packs} cannot be made ({error.strerror}); set AEGEAN_CACHE to a folder of yours."
        ) from None
    for left in packs.glob(".packing-*"):
        with contextlib.suppress(OSError):  # another process may just have finished it
            if time.time() - left.stat().st_mtime > STALE:
                shutil.rmtree(left)
    return packs


def _stored(folder: Path) -> dict | None:
    try:
        stored = read_json(folder)
    except (OSError, ValueError):
        return None
    return stored if isinstance(stored, dict) else None


def _with_notes(dataset: Dataset, stored: dict, heard: list[str] | None = None) -> Dataset:
    """Say what was said while a pack was made, but what has been heard already, and whole tables."""
    for text in stored.get("notes", []):
        if text not in (heard or ()) and "\n" not in str(text):
            say(str(text))
    return dataset


def _replace_json(folder: Path, dataset: Dataset, more: dict) -> None:
    new = folder / f"pack.json.{os.getpid()}"
    write_json(new, dataset.info, **more)
    new.replace(folder / "pack.json")


def _digest(value) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
