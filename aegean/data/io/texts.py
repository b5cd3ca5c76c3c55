"""Texts for a person: as lines of a file, and drawn."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from aegean.data.info import DataInfo
from aegean.data.io.show import Groups
from aegean.data.read.vocabulary import decoded
from aegean.files import write_atomically
from aegean.surface import plural, say

SIZE = 15  # pixels of a letter
SHOWN = 64  # texts of a picture, at most
LETTERS = 120  # of a line of it
FONTS = ("NotoSansCJK-Regular.ttc", "wqy-microhei.ttc", "DroidSansFallbackFull.ttf", "msyh.ttc", "PingFang.ttc",
         "Arial Unicode.ttf")  # fmt: skip


def texts(raw: np.ndarray, info: DataInfo) -> list[str]:
    """Tokens (n, length) as texts."""
    return decoded(raw, info.vocabulary)


def plain_lines(raw: np.ndarray, info: DataInfo) -> str:
    """Tokens (n, length) as lines; a break within a text becomes a space, and that is said."""
    lines, broken = list[str](), 0
    for text in texts(raw, info):
        lines.append(" ".join(text.splitlines()) if len(text.splitlines()) > 1 else text.rstrip("\r\n"))
        broken += lines[-1] != text
    if broken:
        say(f"{plural(broken, 'text')} of {len(raw)} with line breaks, written as spaces; a .jsonl keeps them")
    return "".join(f"{line}\n" for line in lines)


def json_lines(raw: np.ndarray, info: DataInfo) -> str:
    """Tokens (n, length) as one JSON object a line."""
    return "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts(raw, info))


def write_texts(raw: np.ndarray, names: Sequence[str], folder: Path, info: DataInfo) -> list[Path]:
    """Tokens (n, length) as the lines of samples.txt."""
    path = folder / "samples.txt"
    write_atomically(path, plain_lines(raw, info))
    return [path]


def show_texts(groups: Groups, info: DataInfo, columns: int = 0) -> bytes:
    """Tokens (n, length) by name -> PNG of lines; of several groups a line of each in turn."""
    found = [[text[:LETTERS] for text in texts(raw[:SHOWN], info)] for raw in groups.values()]
    lines = [line for together in zip(*found) for line in (*together, *([""] if len(found) > 1 else []))]
    font = _font()
    wide = max((int(font.getlength(line)) for line in lines), default=0) + 2 * SIZE
    page = Image.new("RGB", (max(wide, SIZE), (len(lines) + 1) * 3 * SIZE // 2), "white")
    draw = ImageDraw.Draw(page)
    for n, line in enumerate(lines):
        draw.text((SIZE, SIZE // 2 + n * 3 * SIZE // 2), line, "black", font)
    out = io.BytesIO()
    page.save(out, "PNG")
    return out.getvalue()


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of the system that knows Chinese, where there is one."""
    for name in FONTS:
        try:
            return ImageFont.truetype(name, SIZE)
        except OSError:
            continue
    return ImageFont.load_default(SIZE)
