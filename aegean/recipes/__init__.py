"""The published settings: each recipe is a function from a DataInfo to a whole Run."""

from aegean.recipes.aae import aae
from aegean.recipes.ae import ae, denoising_ae
from aegean.recipes.ae_to_gan import ae_to_gan
from aegean.recipes.arae import arae
from aegean.recipes.beta_vae import beta_vae
from aegean.recipes.codec import codec, lossless
from aegean.recipes.decoder_finetune import decoder_finetune
from aegean.recipes.few_shot_gan import few_shot_gan
from aegean.recipes.gan import gan
from aegean.recipes.hierarchical_vae import hierarchical_vae
from aegean.recipes.latent_gan import latent_gan
from aegean.recipes.mode_regularised_gan import mode_regularised_gan
from aegean.recipes.multiscale_gan import multiscale_gan
from aegean.recipes.projected_gan import projected_gan
from aegean.recipes.registry import RECIPES, Option, configure, describe, options, recipe, smoke
from aegean.recipes.restore import restore
from aegean.recipes.sound_codec import sound_codec
from aegean.recipes.sound_gan import sound_gan
from aegean.recipes.stacked_gan import stacked_gan
from aegean.recipes.tc_vae import tc_vae
from aegean.recipes.translate import translate
from aegean.recipes.unit import unit
from aegean.recipes.vae import vae
from aegean.recipes.vae_gan import vae_gan
from aegean.recipes.vq_ae import vq_ae
from aegean.recipes.vq_gan import vq_gan

__all__ = [
    "RECIPES",
    "Option",
    "aae",
    "ae",
    "ae_to_gan",
    "arae",
    "beta_vae",
    "codec",
    "configure",
    "decoder_finetune",
    "denoising_ae",
    "describe",
    "few_shot_gan",
    "gan",
    "hierarchical_vae",
    "latent_gan",
    "lossless",
    "mode_regularised_gan",
    "multiscale_gan",
    "options",
    "projected_gan",
    "recipe",
    "restore",
    "smoke",
    "sound_codec",
    "sound_gan",
    "stacked_gan",
    "tc_vae",
    "translate",
    "unit",
    "vae",
    "vae_gan",
    "vq_ae",
    "vq_gan",
]
