"""The published settings: each recipe is a function from a DataInfo to a whole Run."""

from aegean.recipes.ae import ae, denoising_ae
from aegean.recipes.ae_to_gan import ae_to_gan
from aegean.recipes.gan import gan
from aegean.recipes.registry import RECIPES, Option, configure, describe, options, recipe, smoke
from aegean.recipes.vae import vae
from aegean.recipes.vae_gan import vae_gan

__all__ = [
    "RECIPES",
    "Option",
    "ae",
    "ae_to_gan",
    "configure",
    "denoising_ae",
    "describe",
    "gan",
    "options",
    "recipe",
    "smoke",
    "vae",
    "vae_gan",
]
