"""The picture of the playground in the documentation: `aegean play` in a headless Chromium, a picture dragged in.

python benchmarks/playground.py runs/vae runs/codec --picture three.png --out docs/pictures/playground.png
"""

import argparse
import sys
import tempfile
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "web"))
from browser import chromium, playground


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--picture", required=True, help="what is dragged in")
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--height", type=int, default=760)
    parser.add_argument("--out", default="docs/pictures/playground.png")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, playground(*args.runs) as (_, address):
        shot = Path(folder) / "shot.png"
        with chromium(Path(folder) / "profile", args.width, args.height) as visit:
            visit.open(address)
            panel = visit.tab("Picture")
            panel.locator("input[type=file]").set_input_files(args.picture)
            panel.get_by_text("what comes back").first.wait_for()
            visit.page.wait_for_load_state("networkidle")
            visit.page.screenshot(path=shot)
        with Image.open(shot) as image:
            image.convert("RGB").save(args.out, optimize=True)
    print(f"{args.out}: {Path(args.out).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
