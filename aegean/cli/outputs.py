"""Where answers go: the files and folders of --out, checked before any work and written whole; tables and JSON."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aegean.config import UserError
from aegean.files import expanded, write_atomically
from aegean.surface import clean

if TYPE_CHECKING:
    import numpy as np

    from aegean.data import DataInfo
    from aegean.data.io.origin import Origin

ANSWER = "standard output"
FOLDER = "folder/"
TILES = 10_000  # of one picture
PIXELS = 50_000_000


def target(out: str, kinds: Sequence[str], overwrite: bool) -> tuple[Path, str]:
    """The place that --out names and its kind, one of `kinds`: ".png", ".npz", ..., or `FOLDER`.

    UserError: another ending; something is there and may not be replaced.
    """
    path = expanded(out)
    if not out or "\0" in out:
        raise UserError(f"--out {out!r} names no place; expected {_or(kinds)}.")
    if path.name in kinds:
        raise UserError(f"--out {out}: this is an ending alone; give a name before it.")
    if beneath := next((parent for parent in path.parents if parent.is_file()), None):
        raise UserError(f"--out {out}: {beneath} is a file, not a folder; choose another place.")
    closed = out.endswith(("/", os.sep))
    kind = FOLDER if closed or path.is_dir() or not path.suffix else path.suffix.lower()
    if kind not in kinds:
        hint = "; end the name of a folder with /" if FOLDER in kinds and kind != FOLDER else ""
        raise UserError(f"--out {out}: expected {_or(kinds)}{hint}.")
    if kind == FOLDER and path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file; choose another --out for the folder.")
    there = any(path.iterdir()) if path.is_dir() else path.exists()
    if there and not overwrite:
        raise UserError(
            f"{path} {'is not empty' if path.is_dir() else 'exists'}; choose another --out or give --overwrite."
        )
    return path, kind


def files_of(run: str) -> Mapping[str, Callable[[np.ndarray, DataInfo], str | bytes]]:
    """Files of many samples that a model's kind of data can be written to, by ending; the model's file says it, which
    is read at once."""
    from aegean.data.kinds import kind_of
    from aegean.model.header import read_header

    file = Path(run)
    try:
        return kind_of(read_header(file / "model.safetensors" if file.is_dir() else file).info).files
    except (UserError, OSError):  # to be said by whoever opens the model
        return {}


def _or(kinds: Sequence[str]) -> str:
    """ ".png, .npz or a folder"."""
    names = [kind for kind in kinds if kind != FOLDER] + ["a folder"] * (FOLDER in kinds)
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else f"a name that ends in {names[0]}"


def write(path: Path, data: bytes | str, origin: Origin | None = None) -> None:
    """A whole file or none, with the origin of the samples in it; its parents are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if origin is None:
        write_atomically(path, data)
        return
    from aegean.data.io.origin import write_with

    write_with(path, data, origin)


def write_folder(
    path: Path, parts: dict[str, np.ndarray], names: Sequence[str], info: DataInfo, origin: Origin | None = None
) -> int:
    """Raw samples of each part into its sub-folder ("": the folder itself, whose files say their origin); the number of
    files comes back.

    See `whole_folder`.
    """
    from aegean.data import write_samples
    from aegean.data.io.origin import add_origin

    with whole_folder(path) as folder:
        for part, raw in parts.items():
            written = write_samples(raw, names, folder / part, info)
            if not part:
                add_origin(written, origin)
        return sum(file.is_file() for file in folder.rglob("*"))


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to write to, which takes its place when all is written, or not at all. In a folder that is there
    already, files of the same names are replaced and others stay."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        if path.exists():
            for file in [file.relative_to(temporary) for file in temporary.rglob("*") if file.is_file()]:
                (path / file).parent.mkdir(parents=True, exist_ok=True)
                (temporary / file).replace(path / file)
        else:
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_picture(count: int, info: DataInfo, instead: str = "a folder (out/)") -> None:
    """Refuse more samples than one picture can show."""
    if count > TILES or count * math.prod(info.shape[1:]) > PIXELS:
        raise UserError(f"{count:,} samples do not fit into one picture; give {instead} or fewer.")


def npz(**arrays: Any) -> bytes:
    """Arrays as the bytes of a .npz, without Python objects."""
    import numpy as np

    out = io.BytesIO()
    arrays = {key: np.asarray(value) for key, value in arrays.items()}
    assert not any(array.dtype.hasobject for array in arrays.values())
    np.savez(out, **arrays)
    return out.getvalue()


def answer(text: str, value: Any, as_json: bool) -> None:
    """To stdout: the text for a person, or the value as one JSON object."""
    tell(json.dumps(_finite(value), indent=1, allow_nan=False) if as_json else text)


def tell(text: str) -> None:
    """To stdout. A name in it may come from a stranger's file: nothing that a terminal would obey gets there."""
    if sys.stdout:
        with written():
            print(clean(text), flush=True)


@contextlib.contextmanager
def written() -> Iterator[None]:
    """What cannot be written inside the block is the answer: the error names it."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, ANSWER) from None


def _finite(value: Any) -> Any:
    """JSON knows no infinity: such numbers become null."""
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Columns of text: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *lines)]
    return "\n".join(
        "  ".join(cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(line, widths)))
        for line in (head, *lines)
    )


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Names and what is to be said of them, one a line."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)


def plain(name: str) -> str:
    """A name that is safe as that of a file, whoever chose it."""
    name = re.sub(r"[^\w .,+=@()-]", "-", name).lstrip(".")
    return name.encode()[:200].decode(errors="ignore") or "unnamed"  # file systems count bytes
