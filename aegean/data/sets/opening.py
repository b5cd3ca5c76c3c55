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
from functools import partial
from pathlib import Path

from aegean.config import UserError, to_json
from aegean.data.address import locate, open_source, open_store
from aegean.data.read import hub
from aegean.data.read.built_in import FILES, built_in_sum
from aegean.data.read.files import content_sum, listing, plain_name
from aegean.data.read.lazy import is_index
from aegean.data.read.source import Say, Source, Want, say_to_stderr
from aegean.data.sets.dataset import DataOptions, Dataset
from aegean.data.sets.pack import FORMAT, bytes_needed, load_pack, read_json, write_json, write_pack
from aegean.files import FULL
from aegean.machine import cache_folder

STALE = 24 * 3600  # seconds after which an unfinished pack is nobody's


def open_data(options: DataOptions | str, say: Say = say_to_stderr) -> Dataset:
    """The data set that the options (or a SPEC alone) name, packed in the cache folder on first use.

    Raises UserError, with what to do, for anything wrong with the options or the source.
    """
    options = DataOptions(options) if isinstance(options, str) else options
    options.check()
    listings = {spec: _listing(spec) for spec in (options.spec, options.test) if spec}
    settings = {**to_json(options), "spec": "", "test": bool(options.test), "format": FORMAT}
    request = _digest([settings, listings])
    name = _name(options.spec)
    packs = _packs_folder()
    store = partial(open_store, options)
    earlier = {folder: stored for folder in packs.glob(f"{name}-*") if (stored := _stored(folder))}
    for folder, stored in earlier.items():
        if stored.get("request") == request and (dataset := load_pack(folder, store)):
            return _said(dataset, stored, say)
    sums = {spec: _content(spec) for spec in listings}
    folder = packs / f"{name}-{_digest([settings, list(sums.values())])[:16]}"
    if dataset := load_pack(folder, store):
        stored = {**read_json(folder), "request": request}
        del stored["format"], stored["info"]
        _replace_json(folder, dataset, stored)
        return _said(dataset, stored, say)
    if any(stored.get("options") == to_json(options) for stored in earlier.values()):
        say(f"{name}: its content has changed since it was packed; packing it anew")
    _pack(folder, options, {"request": request, "options": to_json(options), "sha256": sums}, say)
    dataset = load_pack(folder, store)
    assert dataset is not None, folder
    return dataset


def _pack(folder: Path, options: DataOptions, more: dict, say: Say) -> None:
    """Write a pack under a temporary name, then rename it; another process may have been faster."""
    notes: list[str] = []
    temporary, needed = None, 0

    def note(text: str) -> None:
        notes.append(text)
        say(text)

    want = Want((options.size, options.size) if options.size else None, options.channels, options.axes,
                options.skip_bad, options.range is not None)  # fmt: skip
    try:
        source = open_source(options.spec, want, note)
        test = open_source(options.test, want, note) if options.test else None
        _check_images(source)
        needed = bytes_needed(source, test)
        if shutil.disk_usage(folder.parent).free < needed:
            raise OSError(errno.ENOSPC, "no space left")
        temporary = Path(tempfile.mkdtemp(prefix=".packing-", dir=folder.parent))
        info = write_pack(temporary, source, test, options, note)
        write_json(temporary / "pack.json", info, **more, notes=notes)
        _rename(temporary, folder, options)
    except OSError as error:
        if error.errno in FULL:
            raise UserError(_no_space(folder.parent, needed)) from None
        raise UserError(f"{error.filename or folder.parent} cannot be read or written ({error.strerror}).") from None
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)
    how = "indexed; they are decoded as they are read" if is_index(folder) else "packed"
    say(f"{info.name}: {info.count} training and {info.test_count} test samples of shape {info.shape}, {how}")


def _rename(temporary: Path, folder: Path, options: DataOptions) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        if load_pack(folder, partial(open_store, options)):  # packed by another process meanwhile
            return
        shutil.rmtree(folder)  # damaged
        temporary.rename(folder)


def _no_space(place: Path, needed: int) -> str:
    return (
        f"No space left on the device: packing the data needs {needed} bytes in {place}. Free some, or move the "
        f"cache: set AEGEAN_CACHE to a folder on a larger disk."
    )


def _check_images(source: Source) -> None:
    if len(source.shape) == 3 and min(source.shape[1:]) < 4:
        raise UserError(f"{source.origin}: images of {source.shape[1:]}; at least 4x4 are needed.")


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


def _said(dataset: Dataset, stored: dict, say: Say) -> Dataset:
    for text in stored.get("notes", []):
        say(str(text))
    return dataset


def _replace_json(folder: Path, dataset: Dataset, more: dict) -> None:
    new = folder / f"pack.json.{os.getpid()}"
    write_json(new, dataset.info, **more)
    new.replace(folder / "pack.json")


def _listing(spec: str) -> list:
    """What tells at a glance whether a source is unchanged: path, names, sizes, times."""
    path = locate(spec)
    if path is None:
        return [spec, *(hub.prints(spec) if hub.is_hub(spec) else map(listing, FILES))]
    return [str(path.absolute()), listing(path)]


def _content(spec: str) -> str:
    """What tells for certain."""
    path = locate(spec)
    if path is None:
        return " ".join([spec, *(hub.prints(spec) if hub.is_hub(spec) else (built_in_sum(spec),))])
    split = f" {hub.address(spec).split}" if hub.is_hub(spec) else ""
    return content_sum(path, [name for name, _, _ in listing(path)]) + split


def _name(spec: str) -> str:
    if hub.is_hub(spec):
        return hub.short_name(spec)
    path = locate(spec)
    return spec if path is None else plain_name(path)


def _digest(value) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
