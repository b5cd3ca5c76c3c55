"""The pictures of the playground in the documentation: `aegean play` in a headless Chromium, a picture dragged in.

    python benchmarks/playground.py runs/vae runs/codec --picture three.png --out docs/pictures/playground.png
        [--tab Image|Restore|Translate|Samples|Directions|Between|Levels] [--width 1200] [--height 760]

The last line is JSON: the size of the file, how much wider the page is than the screen, and what the browser complained
about.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import torch
from common import arguments, finish
from PIL import Image

import aegean

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "web"))
from browser import Visit, chromium, playground
from strokes import picture

GIVEN = ("Image", "Restore", "Translate")  # tabs that take a picture
TABS = (*GIVEN, "Samples", "Directions", "Between", "Levels")


def tiny_run(folder: Path) -> str:
    """A model of digits, hardly trained."""
    aegean.train("vae", "digits", folder / "vae", images=160, evaluations=1, settings={"width": 8, "batch": 16})
    return str(folder / "vae")


def look(visit: Visit, tab: str, given: Path) -> None:
    """Open a tab, and wait for what it shows."""
    panel = visit.tab(tab)
    if tab in GIVEN:
        panel.locator("input[type=file]").set_input_files(given)
    panel.locator(".play-tiles figure").nth(1 if tab in GIVEN else 0).wait_for()
    visit.page.wait_for_load_state("networkidle")


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("runs", nargs="*")
    parser.add_argument("--picture", type=Path, help="what is dragged in; a white stroke on black")
    parser.add_argument("--tab", choices=TABS, default="Image")
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--height", type=int, default=760)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/playground.png"))
    asked = parser.parse_args()
    if not asked.runs and not asked.quick:
        parser.error("give runs or model files to play with")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given, shot = asked.picture or folder / "stroke.png", folder / "shot.png"
        if not asked.picture:
            given.write_bytes(picture())
        out = folder / "out.png" if asked.quick else asked.out
        with (
            playground(*(asked.runs or [tiny_run(folder)])) as (_, address),
            chromium(folder / "profile", asked.width, asked.height) as visit,
        ):
            visit.open(address)
            look(visit, asked.tab, given)
            visit.page.screenshot(path=shot)
            wider, errors = visit.width(), visit.errors
        with Image.open(shot) as image:
            image.convert("RGB").save(out, optimize=True)
        size = out.stat().st_size
    finish("playground", torch.device("cpu"), tab=asked.tab, bytes=size, wider=wider, errors=errors)


if __name__ == "__main__":
    main()
