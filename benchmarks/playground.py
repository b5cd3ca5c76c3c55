"""The picture of the playground in the documentation: `aegean play` in a headless Chromium, a picture dragged in.

python benchmarks/playground.py runs/vae runs/codec --picture three.png --out docs/pictures/playground.png
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from common import arguments
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "web"))
from browser import chromium, playground


def main() -> None:
    parser = arguments("The picture of the playground in the documentation.")
    parser.add_argument("runs", nargs="*")
    parser.add_argument("--picture", help="what is dragged in")
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--height", type=int, default=760)
    parser.add_argument("--out", default="docs/pictures/playground.png")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        if args.quick:
            args.runs, args.picture, args.out = made(Path(folder))
        if not (args.runs and args.picture):
            parser.error("give runs, and a --picture to drag in.")
        with (
            playground(*args.runs) as (_, address),
            chromium(Path(folder) / "profile", args.width, args.height) as visit,
        ):
            visit.open(address)
            panel = visit.tab("Picture")
            panel.locator("input[type=file]").set_input_files(args.picture)
            panel.get_by_text("what comes back").first.wait_for()
            visit.page.wait_for_load_state("networkidle")
            visit.page.screenshot(path=shot)
        with Image.open(shot) as image:
            image.convert("RGB").save(args.out, optimize=True)
        print(f'{{"file": "{args.out}", "bytes": {Path(args.out).stat().st_size}}}')


def made(folder: Path) -> tuple[list[str], str, str]:
    """A run of some steps, a picture of noise, and where the shot shall go."""
    from aegean import api

    settings = {"width": 8, "latent": 4, "batch": 16}
    api.train("vae", "digits", folder / "run", images=320, evaluations=1, settings=settings)
    noise = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")
    return [str(folder / "run")], str(folder / "noise.png"), str(folder / "quick.png")


if __name__ == "__main__":
    main()
