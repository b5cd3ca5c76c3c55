"""Small autoencoders of diffusers with random values, and what diffusers makes of a folder."""

import json

import torch

from aegean.data.info import DataInfo

PICTURES = DataInfo("pictures", (3, 16, 16), (127.5,), (127.5,))
BLOCKS = {
    "block_out_channels": (8, 16),
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "norm_num_groups": 4,
    "sample_size": 16,
}
TINY = {f"{end}_block_out_channels": (8, 8) for end in ("encoder", "decoder")}
TINY |= {"num_encoder_blocks": (1, 1), "num_decoder_blocks": (1, 1)}
MADE = {
    "AutoencoderKL": BLOCKS,
    "AutoencoderKL shifted": BLOCKS | {"shift_factor": 0.1, "scaling_factor": 0.4, "use_post_quant_conv": False},
    "AutoencoderKL normed": BLOCKS | {"latents_mean": [0.1, 0.2, 0.3, 0.4], "latents_std": [1.0, 2.0, 3.0, 4.0]},
    "AutoencoderKL attentive": BLOCKS | {"down_block_types": ("DownEncoderBlock2D", "AttnDownEncoderBlock2D")},
    "VQModel": BLOCKS | {"num_vq_embeddings": 256, "vq_embed_dim": 4},
    "VQModel spatial": BLOCKS | {"norm_type": "spatial", "norm_num_groups": 32, "block_out_channels": (32, 32)},
    "AutoencoderTiny": TINY,
}


def pictures(n=3):
    return torch.rand((n, *PICTURES.shape), generator=torch.Generator().manual_seed(1)) * 2 - 1


def theirs(path):
    """What diffusers makes of a folder: latents as a diffusion model takes them, flattened, and reconstructions."""
    import diffusers

    cls = getattr(diffusers, json.loads((path / "config.json").read_text())["_class_name"])
    model = cls.from_pretrained(path).eval()
    with torch.no_grad():
        found = model.encode(pictures())
        h = found.latent_dist.mode() if hasattr(found, "latent_dist") else found.latents
        return h, model.decode(h).sample, model


def close(a, b):
    return torch.allclose(a, b, rtol=0, atol=1e-5)
