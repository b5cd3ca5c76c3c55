"""Restoration: clean pictures in, damage drawn on the way, clean pictures out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.nets.kinds import kind_of
from aegean.objectives import AbsoluteError, Ramp, SquaredError, Term
from aegean.recipes.groups import ABSENT, Adversary, Budget, Build, HandOver, Sharpening
from aegean.recipes.patches import OPPONENT, patch_discriminator, patch_turn, sharp_terms
from aegean.recipes.registry import recipe
from aegean.recipes.turns import autoencoder_turn
from aegean.surface import option, say
from aegean.training.schedule import Copy, Phase, Renew, Run, Turn

LEVELS, PATCH = 3, 2  # of the U; its stride is 8
RATE, WIDE = 2e-3, 16  # of Adam; it falls with widths above this, which would diverge (docs/log.md)
Range = tuple[float, ...]
Kind = Literal["noise", "blur", "downscale", "jpeg", "holes", "mix"]
RANGES: dict[Kind, tuple[str, ...]] = {
    "noise": ("noise",),
    "blur": ("blur",),
    "downscale": ("scale",),
    "jpeg": ("quality",),
    "holes": ("holes",),
    "mix": ("blur", "scale", "noise", "quality"),
}
WIDTH = Build(network=ABSENT, latent=ABSENT, patch=ABSENT, conditional=ABSENT)


@dataclass(frozen=True)
class Damaging:
    """What is done to clean pictures, each strength drawn from a range: least,most, or one number.

    damage: noise, blur, downscale, jpeg or holes alone; mix: all but holes, twice, each left out of 30 % of the
        pictures
    noise: standard deviations, of 255 grey levels
    blur: standard deviations of a Gaussian, in pixels
    scale: factors of a loss of resolution, which `aegean restore --scale` takes back
    quality: qualities of JPEG, from 1 to 100
    holes: shares of the picture that are missing
    clean: share of pictures that stay as they are, so that clean ones do at use, too
    """

    damage: Kind = "noise"
    noise: Range = (0.0, 50.0)
    blur: Range = (0.2, 3.0)
    scale: Range = (2.0,)
    quality: Range = (10.0, 95.0)
    holes: Range = (0.1, 0.6)
    clean: float = 0.1

    def net(self) -> Net:
        """UserError: a range that is none."""
        ranges = {name: self._ends(name) for name in RANGES[self.damage]}
        if self.clean >= 1:
            raise UserError(f"{option('clean', self.clean)} leaves no damage to learn from: expected less than 1.")
        mix = {"rounds": 2, "skip": 0.3} if self.damage == "mix" else {}
        return net("Damage", **ranges, clean=self.clean, **mix)

    def _ends(self, name: str) -> Range:
        ends = getattr(self, name)
        least, most = {"quality": (1, 100), "holes": (0, 0.95), "scale": (1, 8), "blur": (0, 3)}.get(name, (0, 255))
        if not 1 <= len(ends) <= 2 or not least <= ends[0] <= ends[-1] <= most:
            text = option(name, ",".join(f"{end:g}" for end in ends))
            raise UserError(f"{text}: expected one number or least,most, from {least} to {most}.")
        if self.damage == "mix" and name == "scale":
            return (1.0, ends[-1])
        return (ends[0], ends[-1])


def u_nets(
    data: DataInfo, size: tuple[int, int], width: int, blocks: int, levels: int = LEVELS, skips: bool = True
) -> dict[str, Net]:
    """E and U, for pictures of any size that are trained on in this one."""
    stride = PATCH * 2 ** (levels - 1)
    shape = (data.shape[0], *(-(-side // stride) * stride for side in size))
    width = width or kind_of(data).width([shape[0], *(side // PATCH for side in shape[1:])])
    sizes = {"shape": shape, "widths": [width * 2**level for level in range(levels)], "blocks": blocks, "patch": PATCH}
    return {"E": net("ConvEncoder", **sizes), "U": net("UDecoder", **sizes, **({} if skips else {"skips": False}))}


def rate(budget: Budget, nets: Mapping[str, Net], error: str) -> float:
    """Of Adam at the start: what was chosen, or what a U of this width bears under this error."""
    most = RATE / 2 if error == "squared" else RATE
    return budget.lr or most * min(1.0, WIDE / nets["E"].args["widths"][0])


def window(data: DataInfo, crop: int, flips: str) -> tuple[tuple[int, int], dict[str, Net]]:
    """The size of what a step looks at, and the network that takes it out of the data; none where it changes
    nothing."""
    height, width = (min(crop or side, side) for side in data.shape[1:])
    if (height, width) == data.shape[1:] and flips == "none":
        return (height, width), {}
    return (height, width), {"window": net("Window", size=(height, width), flips=flips)}


def begun(nets: Mapping[str, Net], inherited: Mapping[str, Net] | None, hand_over: HandOver) -> tuple[Renew, ...]:
    """Which networks of a run begin anew although another run has some of their names."""
    if inherited is None:
        return ()
    parts = {"E F S": hand_over.encoder, "U V T sharp": hand_over.decoder, "D DA Dz": hand_over.discriminator}
    hows = {name: how for names, how in parts.items() for name in names.split() if name in inherited and name in nets}
    anew = [name for name, how in hows.items() if how != "initialise"]
    unlike = [name for name in hows if name not in anew and _other(inherited[name], nets[name])]
    if unlike:
        say(f"of another form than the given run's, so they begin anew: {', '.join(unlike)}")
    return tuple(Renew(name) for name in (*anew, *unlike))


def _other(theirs: Net, ours: Net) -> bool:
    """Whether a network cannot begin as another run's: of other channels, or a discriminator that is not the same."""
    if "backbone" in ours.args:
        return theirs != ours
    return theirs.args.get("shape", [0])[0] != ours.args.get("shape", [0])[0]


def sharp_phases(
    nets: Mapping[str, Net],
    near: Term,
    images: int,
    sharpening: Sharpening,
    opponent: Adversary,
    lr: float,
    teach: bool,
) -> list[Phase]:
    """A copy of the decoder, sharpened against a discriminator, behind an encoder that holds still.

    nets: of the run, D among them
    near: the error that the decoder was trained by
    images: of the discriminator's warm-up and of what follows
    teach: the discriminator begins as the encoder
    """
    D = nets["D"]
    near = near.replace(of="x_sharp", trains=("sharp",))
    against = patch_turn(D, opponent, Ramp(lr / 4, lr / 40, cosine=True))
    sharp = Turn(
        "sharp",
        sharp_terms(near, opponent, sharpening),
        lr=Ramp(lr / 4, lr / 40, cosine=True, rise=0.1),
        beta1=0.5,
        balance="x_sharp",
    )
    first = round(sharpening.warmup * images)
    edges = (Copy("U", "sharp"), *((Copy("E", "D.backbone"),) if teach else ()))
    end = Phase("sharp", images - first, (against, sharp), averages=("sharp",), trained=True)
    if not first:
        return [end.replace(edges=edges)]
    alone = patch_turn(D, opponent, lr / 4)
    return [Phase("warm-up", first, (alone,), edges=edges), end]


@recipe
def restore(
    data: DataInfo,
    *,
    damaging: Damaging = Damaging(),
    crop: int = 64,
    flips: Literal["none", "sides", "all"] = "sides",
    blocks: int = 2,
    error: Literal["auto", "absolute", "squared"] = "auto",
    adversary: bool = False,
    exact: float = 0.6,
    pull: float = 0.4,
    sharpening: Sharpening = Sharpening(adversary=ABSENT, features=0.3),
    hand_over: HandOver = HandOver(),
    opponent: Adversary = OPPONENT,
    build: Build = WIDTH,
    budget: Budget = Budget(lr=0.0, batch=16, images=150_000),
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """Damaged pictures become clean ones: noise, blur, low resolution, JPEG or holes, of any strength in a range.

    Training takes clean pictures alone and damages windows of them; `aegean restore` takes pictures of any size. One
    U-shaped network adds a correction to what it is given. With `adversary=true` a copy of its decoder is sharpened
    afterwards against a discriminator of patches; the model keeps both, and `--strength` blends them. What a sharpened
    decoder adds is invented: it is no evidence.

    `--from RUN` begins with the networks of another `restore`, such as one of `damage=holes`, which is a masked
    autoencoder, or with the encoder of an `ae` of the same widths, blocks and patch; an `ae` has no such decoder.

    Papers: Zhang et al. 2017 (one blind network); Zhang et al. 2021 (the U); Wang et al. 2021 (the mix); Pathak et al.
    2016 (holes); Isola et al. 2017, section 3.2.2 (patches); Wang et al. 2018, section 3.4 (the blend).
    Expected: digits with noise, flips=none, width=16, 20,000 images, 20 s on one core: psnr@test:397 26.2 dB, where
    the damaged pictures have 25.8.

    crop: height and width of the windows; 0: whole pictures
    flips: how windows are mirrored: sides (left and right), all (turned, too), none
    blocks: residual blocks of each level
    error: distance of a restored picture to the clean one; auto: squared for holes, whose middle is a mean of much that
        fits, and absolute for all else
    adversary: whether a copy of the decoder is sharpened
    exact: share of the images before that
    pull: of the adversarial term at the decoder's output, as a share of the error's own pull
    width: channels of the first level; 0 chooses by the data
    lr: learning rate at the start; 0: 0.002 / max(1, width / 16), half of it for the squared error; more may diverge
    """
    if not kind_of(data).damaged:
        raise UserError(f"{data.name} holds no images; restoring is for images.")
    size, nets = window(data, crop, flips)
    nets |= {"damage": damaging.net(), **u_nets(data, size, build.width, blocks)}
    trained: tuple[str, ...] = ("E", "U")
    if damaging.damage == "holes":
        nets |= {"token": net("MaskToken", channels=data.shape[0]), "fill": net("SmoothFill")}
        trained = ("E", "U", "token")
    if error == "auto":
        error = "squared" if damaging.damage == "holes" else "absolute"
    near: Term = {"absolute": AbsoluteError, "squared": SquaredError}[error](trains=trained, to="wanted")
    share = exact if adversary else 1.0
    if not 0 < share <= 1:
        raise UserError(f"{option('exact', exact)}: expected more than 0 and at most 1.")
    lr, teach = rate(budget, nets, error), hand_over.discriminator == "encoder"
    if adversary:
        seen = data.replace(shape=(data.shape[0], *size))
        D = patch_discriminator(seen, opponent, build.width, nets["E"] if teach else None)
        nets |= {"sharp": nets["U"], "D": D}
    turn, edges = autoencoder_turn(near, lr=lr), begun(nets, inherited, hand_over)
    phases = [Phase("exact", round(share * budget.images), (turn,), edges=edges, averages=trained)]
    if adversary:
        left, sharpening = round((1 - share) * budget.images), replace(sharpening, adversary=pull)
        phases += sharp_phases(nets, near, left, sharpening, opponent, lr, teach)
    return Run(nets, tuple(phases), budget.batch, training_only=("window",), wiring="restoration")
