"""The wirings: the standard one and hierarchies. Importing this enters them all under their names."""

from aegean.config import UserError, nearest
from aegean.paths import WIRINGS, Paths
from aegean.wirings.heard import Heard
from aegean.wirings.ladder import Ladder
from aegean.wirings.latents import Latents
from aegean.wirings.restoration import Restoration, Translation
from aegean.wirings.scales import Scales
from aegean.wirings.sound import Sound
from aegean.wirings.stack import Stack
from aegean.wirings.standard import Standard
from aegean.wirings.text import Text
from aegean.wirings.unpaired import Unpaired

__all__ = [
    "WIRINGS",
    "Heard",
    "Ladder",
    "Latents",
    "Restoration",
    "Scales",
    "Sound",
    "Stack",
    "Standard",
    "Text",
    "Translation",
    "Unpaired",
    "find_wiring",
]


def find_wiring(name: str) -> type[Paths]:
    """UserError: there is none of this name; a run or model file was made by another version."""
    if not isinstance(name, str) or name not in WIRINGS:
        raise UserError(f"There is no wiring {name!r}.{nearest(str(name), WIRINGS)}")
    return WIRINGS[name]
