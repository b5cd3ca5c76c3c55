"""Pictures and sentences as HTML. Pictures are written into the page itself: there is no file to serve or to delete."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from aegean.data.io.origin import Origin, with_origin
from aegean.data.io.show import png, sheet
from aegean.web.play import Pictures

SMALL = 96  # pixels: a smaller picture is enlarged without blur
SAVE = "this.href = this.firstElementChild.src"  # when it is clicked: written twice, a page would be twice as large
MOVE = "this.parentElement.style.setProperty('--at', this.value + '%')"

CSS = """
.gradio-container { width: 100% !important; max-width: 1180px !important; margin: 0 auto !important; }
.file-preview .download { display: none; }
@media (max-width: 640px) {
  .gradio-container > .main { padding: 12px 4px !important; }
  .gradio-container > .main > .wrap { padding: 0 !important; }
  .tab-container button { padding: 0 10px !important; font-size: .9rem !important; }
  .play-first { order: -2; }
  .play-second { order: -1; }
  .play-first .play-panels { grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: .75rem; }
  .play-first .play-about { display: none; }
}
.play-title h1 { margin: .2rem 0 0; font-size: 1.5rem; }
.play-title p, .play-missing, .play-note { margin: 0; opacity: .75; font-size: .92rem; }
.play-hint { margin: 0; padding: 2.5rem 1rem; text-align: center; opacity: .7; border: 1px dashed; border-radius: 8px; }
.play-panels { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); }
.play-panels.wide { grid-template-columns: minmax(0, 1fr); }
.play-panel { min-width: 0; }
.play-panel h3 { margin: 0 0 .1rem; font-size: 1.05rem; overflow-wrap: anywhere; }
.play-about { margin: 0 0 .6rem; opacity: .7; font-size: .85rem; }
.play-tiles { display: grid; gap: 6px; grid-template-columns: repeat(var(--columns), minmax(0, 1fr)); }
.play-tiles figure { margin: 0; min-width: 0; }
.play-tiles a { display: block; cursor: copy; border-radius: 3px; margin: 0 !important; padding: 0 !important; }
.play-tiles a:hover, .play-tiles a:focus-visible { outline: 2px solid var(--color-accent); outline-offset: 1px; }
.play-texts { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem; margin: 0; }
.play-texts dt { opacity: .6; font-size: .85rem; }
.play-texts dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.play-save { margin: .5rem 0 0; font-size: .85rem; }
.play-save a { margin: 0 !important; padding: 0 !important; }
.play-missing ul { margin: .3rem 0 0; padding-left: 1.2rem; }
.play-missing summary { cursor: pointer; }
.play-tiles img { display: block; width: 100%; border-radius: 3px; }
.play-tiles img.small { image-rendering: pixelated; }
.play-tiles audio { width: 100%; height: 28px; margin-top: 2px; }
.play-tiles figcaption { font-size: .8rem; opacity: .75; text-align: center; }
.play-slider { position: relative; margin: 0 0 10px; }
.play-slider img { display: block; width: 100%; border-radius: 3px; }
.play-slider img.small { image-rendering: pixelated; }
.play-slider .play-over { position: absolute; inset: 0; clip-path: inset(0 calc(100% - var(--at)) 0 0); }
.play-slider input { position: relative; width: 100%; margin: 4px 0 0; accent-color: var(--color-accent); }
.play-said { margin: .6rem 0 0; font-size: .92rem; }
.play-refused { margin: 0; padding: .7rem .9rem; border-left: 4px solid #c2410c; background: rgba(194, 65, 12, .08); }
"""


def title(names: Sequence[str]) -> str:
    several = f"{', '.join(names[:-1])} and {names[-1]}, compared." if len(names) > 1 else ""
    text = several or f"What {names[0]} has learnt, to be looked at and tried out."
    return f'<div class="play-title"><h1>Playground</h1><p>{escape(text)}</p></div>'


def missing(reasons: Sequence[str]) -> str:
    """What cannot be played with here, and why."""
    if not reasons:
        return ""
    lines = "".join(f"<li>{escape(text)}</li>" for text in reasons)
    return f'<details class="play-missing"><summary>What is not here, and why</summary><ul>{lines}</ul></details>'


def note(text: str) -> str:
    """What a control means."""
    return f'<p class="play-note">{escape(text)}</p>'


def hint(text: str) -> str:
    """What to do first."""
    return f'<p class="play-hint">{escape(text)}</p>'


def page(parts: Sequence[str], wide: bool = False) -> str:
    """Panels beside each other; one below the other where they are wide, or the screen is narrow."""
    return f'<div class="play-panels{" wide" * wide}">{"".join(parts)}</div>'


def panel(name: str, about: str, found: Pictures, columns: int, captions: bool = True) -> str:
    """A run's name, its pictures in `columns`, and what is to be said of them. Each can be saved, and all as one. Texts
    stand below each other, each beside its caption."""
    if found.texts:
        rows = "".join(
            f"<dt>{escape(caption)}</dt><dd>{escape(text) or '(empty)'}</dd>"
            for caption, text in zip(found.captions, found.texts)
        )
        notes = "".join(f'<p class="play-said">{escape(text)}</p>' for text in found.notes if text)
        return f'{head(name, about)}<dl class="play-texts">{rows}</dl>{notes}</section>'
    origins = [None] * found.given + [found.origin] * (len(found.pictures) - found.given)
    sounds = [player(wav, origin) for wav, origin in zip(found.sounds, origins)] or [""] * len(found.pictures)
    tiles = "".join(
        tile(picture(p, origin), p.shape, text, captions, file_name(name, text), sound)
        for p, origin, text, sound in zip(found.pictures, origins, found.captions, sounds)
    )
    notes = "".join(f'<p class="play-said">{escape(text)}</p>' for text in found.notes)
    grid = picture(sheet(found.pictures, columns), origins[-1])
    save = (
        f'<p class="play-save"><a download="{file_name(name, "all")}" href="{grid}">Save all as one picture</a>, or '
        "click an image to save it.</p>"
    )
    shown = f'<div class="play-tiles" style="--columns: {columns}">{tiles}</div>'
    if found.slider:
        shown = slider(found, origins) + shown
    return f"{head(name, about)}{shown}{save}{notes}</section>"


def sorry(name: str, about: str, why: str) -> str:
    """A run's name, and why there are no pictures of it."""
    return f"{head(name, about)}{refusal(why)}</section>"


def head(name: str, about: str) -> str:
    return f'<section class="play-panel"><h3>{escape(name)}</h3><p class="play-about">{escape(about)}</p>'


def refusal(why: str) -> str:
    return f'<p class="play-refused" role="alert">{escape(why)}</p>'


def address(kind: str, data: bytes, origin: Origin | None) -> str:
    """A file, with its origin, as an address."""
    data = (origin and with_origin(data, origin)) or data
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def picture(values: np.ndarray, origin: Origin | None) -> str:
    """The address of a picture (H, W, 3) uint8."""
    return address("image/png", png(Image.fromarray(values)), origin)


def player(wav: bytes, origin: Origin | None) -> str:
    return f'<audio controls preload="none" src="{address("audio/wav", wav, origin)}"></audio>'


def tile(source: str, shape: tuple[int, ...], caption: str, shown: bool, file: str, sound: str = "") -> str:
    """A picture (H, W, 3) by its address, which a click saves under a name; the player of its sound stands below."""
    kind = ' class="small"' if max(shape[:2]) < SMALL else ""
    below = f"<figcaption>{escape(caption)}</figcaption>" if shown else ""
    text = escape(caption, quote=True)
    image = f'<img{kind} alt="{text}" src="{source}">'
    link = f'<a download="{file}" href="#" title="{text}: click to save" onclick="{SAVE}">{image}</a>'
    return f"<figure>{link}{sound}{below}</figure>"


def slider(found: Pictures, origins: Sequence[Origin | None]) -> str:
    """Two pictures upon each other; what is left of the handle is the first."""
    first, second = map(picture, found.pictures, origins)
    kind = " small" if max(found.pictures.shape[1:3]) < SMALL else ""
    words = [escape(text, quote=True) for text in found.captions]
    images = [
        f'<img class="{name}{kind}" alt="{text}" src="{source}">'
        for name, text, source in (("play-under", words[1], second), ("play-over", words[0], first))
    ]
    handle = f'<input type="range" min="0" max="100" value="50" aria-label="{words[0]} or {words[1]}" oninput="{MOVE}">'
    return f'<div class="play-slider" style="--at: 50%">{"".join(images)}{handle}</div>'


def file_name(*words: str) -> str:
    """A name for a PNG from any words."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", " ".join(words)).strip("-")[:80].lower() or "picture"
    return f"{name}.png"
