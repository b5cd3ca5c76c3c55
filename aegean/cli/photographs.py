"""What `restore` and `translate` share: pictures of any size, each of which becomes a file as soon as it is made."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aegean.cli.options import a_run, out, overwrite, skip_bad, whole
from aegean.cli.origins import mark, origin
from aegean.cli.parser import Parser
from aegean.surface import be, plural, say

if TYPE_CHECKING:
    from aegean.data.io.photographs import Photograph
    from aegean.model import Model


def given(p: Parser) -> None:
    """The options of both."""
    a_run(p)
    p.add_argument("inputs", metavar="INPUT", nargs="+", help="images of any size, folders or zips of them, arrays")
    out(p, "folder/")
    p.add_argument("--tile", type=whole(8), default=0, metavar="N", help="work in windows of N pixels (default: 512)")
    skip_bad(p)
    mark(p)
    overwrite(p)


def each(
    model: Model,
    args: argparse.Namespace,
    folder: Path,
    doing: str,
    make: Callable[[str, Photograph], dict[str, Photograph]],
) -> int:
    """Photographs -> files of their names; how many. What is finished stays, whatever stops the rest.

    model: its tiles have a bar.
    args: what `given` has asked for.
    folder: where files go.
    doing: a word for the bar.
    make: from a name and a photograph to those that are written, by sub-folder.
    """
    from tqdm import tqdm

    from aegean.data.io.photographs import photographs, write_photograph

    model.progress = partial(tqdm, desc="tiles", unit="tile", leave=False, delay=0.5, file=sys.stderr)
    said = origin(args, model, given=True)
    bar = tqdm(desc=doing, unit="image", leave=False, delay=0.5, file=sys.stderr, position=1)
    try:
        with bar:
            for name, photo in photographs(args.inputs, args.skip_bad, partial(setattr, bar, "total")):
                for part, made in make(name, photo).items():
                    write_photograph(made, folder / part / name, said)
                bar.update()
    except BaseException:
        if bar.n:
            say(f"{plural(bar.n, 'image')} of {bar.total} {be(bar.n)} finished, in {folder}")
        raise
    return bar.n
