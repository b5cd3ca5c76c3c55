"""A discriminator of patches that sharpens a trained decoder: what `vq_gan` and `decoder_finetune` share."""

from __future__ import annotations

import math
from dataclasses import replace

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.nets.kinds import body_of
from aegean.objectives import FeatureMatching, GeneratorLoss, Ramp, Term
from aegean.recipes.groups import ABSENT, Adversary, Sharpening
from aegean.recipes.quantised import grid_of_codes
from aegean.recipes.turns import discriminator_turn
from aegean.surface import option
from aegean.training.schedule import Turn

OPPONENT = Adversary(gamma=0.03, pack=ABSENT, augment=ABSENT)


def patch_discriminator(data: DataInfo, opponent: Adversary, width: int, encoder: Net | None = None) -> Net:
    """Looks at patches of a sample, one for each place of the grid that `vq_ae` would lay over it; at rows as a whole.

    width: channels of its first level; 0: 32
    encoder: whose form its backbone has instead
    """
    family, width = body_of(data, "auto"), width or 32
    if encoder is not None:
        backbone = encoder.replace(args={**encoder.args, "shape": data.shape})
        if any(side % encoder.args["patch"] for side in data.shape[1:]):
            raise UserError(
                f"{option('discriminator', 'encoder')} takes images whose sides are multiples of "
                f"{encoder.args['patch']}, not {data.shape[2]}x{data.shape[1]}; choose {option('crop')} so."
            )
    elif family.grid:
        patch, levels = grid_of_codes(data.shape)
        widths = [width * min(2**i, 4) for i in range(levels)]
        backbone = net(family.encoder, shape=data.shape, widths=widths, patch=patch)
    else:
        backbone = net(family.encoder, shape=data.shape, widths=family.widths(data.shape, width))
    return net("Discriminator", backbone=backbone, bias=opponent.bias, patches=family.grid)


def patch_turn(D: Net, opponent: Adversary, lr: float | Ramp) -> Turn:
    """The discriminator against reconstructions; `gamma` is shared out among its patches."""
    last = D.args["backbone"].outline().levels[-1]
    patches = math.prod(last[1:]) if D.args["patches"] else 1
    return discriminator_turn(replace(opponent, gamma=opponent.gamma / patches), lr, ("recon",))


def sharp_terms(error: Term, opponent: Adversary, sharpening: Sharpening) -> tuple[Term, ...]:
    """The error, and beside it shares of its pull: of a turn that is balanced at "x_hat"."""
    terms = [error]
    if sharpening.adversary:
        weight = sharpening.adversary
        terms.append(GeneratorLoss(trains=error.trains, loss=opponent.loss, fake="recon", weight=weight))
    if sharpening.features:
        terms.append(FeatureMatching(trains=error.trains, weight=sharpening.features))
    return tuple(terms)
