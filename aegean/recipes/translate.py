"""Translation of pairs: pictures of one side in, their partners on the other side out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from aegean.config import Net, UserError
from aegean.data.info import DataInfo
from aegean.nets.kinds import kind_of
from aegean.objectives import AbsoluteError, SquaredError, Term
from aegean.recipes.groups import ABSENT, Adversary, Budget, Build, HandOver, Sharpening
from aegean.recipes.patches import OPPONENT, patch_discriminator
from aegean.recipes.registry import recipe
from aegean.recipes.restore import WIDTH, begun, rate, sharp_phases, u_nets, window
from aegean.recipes.turns import autoencoder_turn
from aegean.surface import option
from aegean.training.schedule import Phase, Run


@recipe(pairs="name")
def translate(
    data: DataInfo,
    *,
    crop: int = 0,
    flips: Literal["none", "sides", "all"] = "sides",
    blocks: int = 2,
    error: Literal["absolute", "squared"] = "absolute",
    adversary: bool = True,
    exact: float = 0.6,
    pull: float = 0.4,
    sharpening: Sharpening = Sharpening(adversary=ABSENT, features=0.3),
    hand_over: HandOver = HandOver(),
    opponent: Adversary = OPPONENT,
    build: Build = WIDTH,
    budget: Budget = Budget(lr=0.0, batch=16, images=75_000),
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """Images of one side become their partners on the other: outlines, drawings or maps become pictures.

    `--data A --target B` hold pairs of the same names, or `--pairs side-by-side` both halves of each image. One
    U-shaped network learns the partner by the error alone; then a copy of its decoder is sharpened against a
    discriminator that sees patches of both. The model keeps both decoders; `aegean translate` takes the sharpened one.

    `--from RUN` begins with the encoder and decoder of a `restore` run, such as one of `damage=holes` on the other
    side's images, which is a masked autoencoder, or of another `translate` run, whose discriminator is taken, too.

    Papers: Isola et al. 2017 (the task, patches); Torbunov et al. 2023, section 3.2 (the masked autoencoder handed
    over); Défossez et al. 2022, section 3.4 (the balance).
    Expected: digits and their negatives as pairs, width=16, 10,000 images, 25 s on one core: psnr@partner:180
    35.2 dB, where the partner of the nearest training sample has 18.0.

    crop: height and width of the windows that are trained on; 0: whole pictures
    flips: how both sides are mirrored: sides (left and right), all (turned, too), none
    blocks: residual blocks of each level
    error: distance of a translated picture to the partner
    adversary: whether a copy of the decoder is sharpened
    exact: share of the images before that
    pull: of the adversarial term at the decoder's output, as a share of the error's own pull
    width: channels of the first level; 0 chooses by the data
    lr: learning rate at the start; 0: 0.002 / max(1, width / 16), half of it for the squared error; more may diverge
    """
    other = data.target
    if other is None or not data.paired or not kind_of(data).damaged:
        raise UserError(
            f"translate learns from pairs of images, and {data.name!r} has none: give {option('target')}, or "
            f"{option('pairs', 'side-by-side')}."
        )
    size, nets = window(data, crop, flips)
    E = u_nets(data, size, build.width, blocks)["E"]
    U = u_nets(other, size, build.width, blocks)["U"]
    nets |= {"E": E, "U": U}
    near: Term = {"absolute": AbsoluteError, "squared": SquaredError}[error](trains=("E", "U"), to="wanted")
    share = exact if adversary else 1.0
    if not 0 < share <= 1:
        raise UserError(f"{option('exact', exact)}: expected more than 0 and at most 1.")
    lr, teach = rate(budget, nets, error), hand_over.discriminator == "encoder"
    if adversary:
        seen = data.replace(shape=(data.shape[0] + other.shape[0], *size), target=None, paired=False)
        nets |= {"sharp": U, "D": patch_discriminator(seen, opponent, build.width, E if teach else None)}
    turn, edges = autoencoder_turn(near, lr=lr), begun(nets, inherited, hand_over)
    phases = [Phase("exact", round(share * budget.images), (turn,), edges=edges, averages=("E", "U"))]
    if adversary:
        left, sharpening = round((1 - share) * budget.images), replace(sharpening, adversary=pull)
        phases += sharp_phases(nets, near, left, sharpening, opponent, lr, teach)
    return Run(nets, tuple(phases), budget.batch, training_only=("window",), wiring="translation")
