"""A picture that somebody might drag into the playground."""

import io

from PIL import Image, ImageDraw


def picture(mode="RGB", size=(300, 220), kind="PNG", **more):
    """A white stroke on black, or on nothing where the mode is transparent, as the bytes of a file."""
    image = Image.new(mode, size)
    ImageDraw.Draw(image).line([(size[0] // 2, 20), (size[0] // 2, size[1] - 20)], fill="white", width=size[0] // 8)
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()
