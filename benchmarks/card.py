"""The picture of a model card in the documentation: what `aegean push RUN FOLDER/` writes, as the Hub would show it.

    aegean push runs/demo/ae_to_gan-seed0 look-first/ --licence apache-2.0
    python benchmarks/card.py look-first/ --out docs/pictures/card.png

The Hub's own style is not there: Markdown is laid out plainly, in a headless Chromium.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from common import arguments
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "web"))
from browser import chromium

STYLE = """body {font: 15px/1.45 sans-serif; margin: 24px auto; max-width: 760px} pre, code {background: #f3f4f6}
pre {padding: 8px 12px; font-size: 13px} td, th {border: 1px solid #ddd; padding: 3px 9px; text-align: left}
table {border-collapse: collapse; font-size: 13px} img {max-width: 360px; image-rendering: pixelated}"""


def page(folder: Path) -> str:
    """A card as a page of its own, what the Hub reads of it above."""
    from markdown import markdown

    _, header, text = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    body = markdown(text, extensions=["tables", "fenced_code"])
    return f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style><pre>{header}</pre>{body}'


def pushed(folder: Path) -> Path:
    """The card of a model of some steps."""
    import aegean
    from aegean.cli import main as command

    settings = {"width": 8, "latent": 4, "batch": 16}
    aegean.train("vae", "digits", folder / "run", images=160, evaluations=1, settings=settings)
    assert command(["push", str(folder / "run"), f"{folder}/look-first/", "--licence", "mit"]) == 0
    return folder / "look-first"


def main() -> None:
    parser = arguments("The picture of a model card in the documentation.")
    parser.add_argument("folder", type=Path, nargs="?", help="what `aegean push RUN FOLDER/` has written")
    parser.add_argument("--width", type=int, default=860)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/card.png"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        shot = Path(temporary) / "shot.png"
        folder = pushed(Path(temporary)) if options.quick else options.folder
        out = shot if options.quick else options.out
        if folder is None:
            parser.error("give a folder that `aegean push RUN FOLDER/` has written.")
        html = folder / "card.html"
        html.write_text(page(folder), encoding="utf-8")
        try:
            with chromium(Path(temporary) / "profile", options.width, 600) as visit:
                visit.page.goto(html.absolute().as_uri())
                visit.page.screenshot(path=shot, full_page=True)
        finally:
            html.unlink()
        with Image.open(shot) as image:
            image.convert("RGB").quantize(256).save(out, optimize=True)
        print(f'{{"file": "{out.name}", "bytes": {out.stat().st_size}}}')


if __name__ == "__main__":
    main()
