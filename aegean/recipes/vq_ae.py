"""Autoencoders with a codebook."""

from __future__ import annotations

from collections.abc import Mapping

from aegean.config import Net, net
from aegean.data.info import DataInfo
from aegean.objectives import Commitment, SquaredError, Term
from aegean.recipes.compressor import compressor, edges, ends
from aegean.recipes.groups import SIZELESS, Budget, Build
from aegean.recipes.quantised import Quantiser
from aegean.recipes.registry import recipe
from aegean.recipes.turns import autoencoder_turn
from aegean.training.schedule import Phase, Run


@recipe
def vq_ae(
    data: DataInfo,
    *,
    quantiser: Quantiser = "vector",
    levels: int = 256,
    stages: int = 4,
    depth: int = 16,
    commitment: float = 0.25,
    build: Build = SIZELESS,
    budget: Budget = Budget(),
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """An autoencoder whose latent is a grid of codes from a codebook, with files of them (`aegean compress`).

    A residual quantiser learns to do with fewer of its stages, so that one model has several rates. With `--from RUN`
    it starts from a trained autoencoder.

    Papers: van den Oord et al. 2017 (codebooks, running means); Zeghidour et al. 2021 (several stages, dropout of the
    later ones); Mentzer et al. 2023 (finite scalars); Linde, Buzo and Gray 1980 (dead codes split used ones).
    Expected: digits, 40,000 images: psnr@test:397 25.1 dB, rfd@digits-classifier:397 0.09; the 397 test pictures in one
    file, 18.0 bytes a picture.

    quantiser: vector: a code of one codebook at each place; residual: one of each stage; finite: rounded values (FSQ)
    levels: codes of a codebook (codebook_size); finite: values that each dimension is rounded to
    stages: codebooks of a residual quantiser
    depth: latent dimensions at each place of the grid
    commitment: weight of the squared distance of what is quantised to its code
    """
    symbols = {"levels": levels, **({"stages": stages} if quantiser == "residual" else {})}
    nets = compressor(data, build, quantiser, depth, inherited, **symbols)
    bottleneck = nets["bottleneck"].outline()
    nets.setdefault("symbols", net("CountModel", channels=bottleneck.grid[0], levels=bottleneck.levels))
    first = ends(nets)
    terms: list[Term] = [SquaredError(trains=(*first, "G"))]
    if quantiser != "finite":
        terms.append(Commitment(trains=first, weight=commitment))
    turn = autoencoder_turn(*terms, lr=budget.lr).replace(observes=("bottleneck", "symbols"))
    phase = Phase("autoencoder", budget.images, (turn,), edges(nets, inherited), averages=(*first, "G"))
    return Run(nets, (phase,), budget.batch)
