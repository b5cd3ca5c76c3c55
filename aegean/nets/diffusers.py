"""The two halves of diffusers' autoencoders for pictures, as networks here: their config is the description, their
tensors keep the names that diffusers gives them. Only building one needs the library."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aegean.config import UserError, network
from aegean.surface import option

CLASSES = ("AutoencoderKL", "VQModel", "AutoencoderTiny")
BLOCKS = {
    "down_block_types": ("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
    "up_block_types": ("UpDecoderBlock2D", "AttnUpDecoderBlock2D"),
}
WORDS = {
    "act_fn": ("silu", "swish", "relu", "gelu", "mish"),
    "norm_type": ("group", "spatial"),
    "upsample_fn": ("nearest", "bilinear"),
}
SIZES = ("in_channels", "out_channels", "latent_channels", "norm_num_groups", "num_vq_embeddings", "vq_embed_dim")
LISTS = ("block_out_channels", "encoder_block_out_channels", "decoder_block_out_channels")
LARGEST = 1 << 16  # of a size
LAYERS = 100  # of a block
LEVELS = 12  # sizes of feature maps, each half of the one before


def library() -> Any:
    """diffusers. UserError: it is missing."""
    try:
        import diffusers
    except ImportError:
        raise UserError("Autoencoders of diffusers need the library: pip install 'aegean[diffusers]'") from None
    return diffusers


class Plan:
    """What a config says, checked: a stranger may have written it. The description of the networks is the config as it
    is; this is what else must be known of it.

    `factor`: a picture's side over a latent's. `channels` of pictures, `depth` dimensions of a latent at each
    place, which are `(encoded - shift) * scale` (1 number or `depth` of them), as diffusion models take them.
    UserError: a class or a value that is not taken here.
    """

    def __init__(self, config: Mapping[str, Any]):
        self.kind = config.get("_class_name")
        if self.kind not in CLASSES:
            raise UserError(f"diffusers' {self.kind} is not taken here; expected {', '.join(CLASSES[:-1])} or "
                            f"{CLASSES[-1]}.")  # fmt: skip
        cls = getattr(library(), self.kind)
        known = inspect.signature(cls.__init__).parameters
        self.given = {k: v for k, v in config.items() if k in known and k != "self"}
        self.all = {k: p.default for k, p in known.items() if p.default is not p.empty} | self.given
        self._check_values()
        self.factor = 2 ** (self._levels() - 1)
        self.channels, self.depth = self.all["in_channels"], self.all["latent_channels"]
        self.shift: tuple[float, ...] = (0.0,)
        self.scale: tuple[float, ...] = (1.0,)
        if self.kind == "VQModel":  # its diffusion models see what is not quantised yet: codes stay as they are
            self.depth = self.all["vq_embed_dim"] or self.depth
        else:
            self.shift, self.scale = self._scaling()
        if self.all["out_channels"] != self.channels:
            self._refuse("out_channels", self.all["out_channels"], f"in_channels, {self.channels}")

    def build(self) -> Any:
        """The whole autoencoder, with random values."""
        try:
            return getattr(library(), self.kind)(**self.given)  # type: ignore[arg-type]
        except (ValueError, TypeError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"diffusers cannot build this {self.kind} ({reason}); restore its config.json.") from None

    def grid(self, shape: Sequence[int]) -> tuple[int, int, int]:
        """The latent's shape (depth, H / factor, W / factor) for pictures of a shape (channels, H, W). UserError: there
        is none."""
        if len(shape) != 3:
            raise UserError(f"{self.kind} takes images, not samples of shape {'x'.join(map(str, shape))}.")
        channels, height, width = shape
        if channels != self.channels:
            raise UserError(
                f"{self.kind} takes images of {self.channels} channels, but these have {channels}; "
                f"bring them to it with {option('channels', self.channels)}."
            )
        if height % self.factor or width % self.factor:
            near = max(1, round(height / self.factor)) * self.factor
            raise UserError(
                f"{self.kind} halves an image's sides {self.factor.bit_length() - 1} times, so they must be multiples "
                f"of {self.factor}, but these are {height}x{width}; bring them to it with {option('size', near)}."
            )
        return self.depth, height // self.factor, width // self.factor

    def _refuse(self, name: str, value: Any, expected: str) -> None:
        raise UserError(f"diffusers' {self.kind} with {name}={str(value)[:80]}: expected {expected}.")

    def _check_values(self) -> None:
        for name, value in self.all.items():
            if name in SIZES and not (value is None and name == "vq_embed_dim") and not _whole(value, LARGEST):
                self._refuse(name, value, f"a whole number from 1 to {LARGEST:,}")
            if name in WORDS and value not in WORDS[name]:
                self._refuse(name, value, " or ".join(WORDS[name]))
            if name == "layers_per_block" and not _whole(value, LAYERS):
                self._refuse(name, value, f"a whole number from 1 to {LAYERS}")
            if name in LISTS and not _list(value, lambda v: _whole(v, LARGEST)):
                self._refuse(name, value, f"at most {LEVELS} whole numbers from 1 to {LARGEST:,}")
            if name in ("num_encoder_blocks", "num_decoder_blocks") and not _list(
                value, lambda v: _whole(v, LAYERS, 0)
            ):
                self._refuse(name, value, f"at most {LEVELS} whole numbers to {LAYERS}")
            if name in BLOCKS and not _list(value, BLOCKS[name].__contains__):
                self._refuse(name, value, f"a list of {' and '.join(BLOCKS[name])}")

    def _levels(self) -> int:
        """Sizes of feature maps, from the picture's to the latent's."""
        lists = (
            ("num_encoder_blocks", "num_decoder_blocks", *LISTS[1:])
            if self.kind == "AutoencoderTiny"
            else ("block_out_channels", *BLOCKS)
        )
        counts = {len(self.all[name]) for name in lists}
        if len(counts) > 1 or self.all.get("upsampling_scaling_factor", 2) != 2:
            self._refuse(
                lists[0], self.all[lists[0]], f"as many levels in {', '.join(lists[1:])}, each of half the size"
            )
        return counts.pop()

    def _scaling(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        means, stds = self.all.get("latents_mean"), self.all.get("latents_std")
        scale = self.all["scaling_factor"]
        if means is not None and stds is not None:
            fits = all(_list(v, _number, LARGEST) and len(v) == self.depth for v in (means, stds)) and min(stds) > 0
            if not fits:
                self._refuse("latents_mean and latents_std", (means, stds), f"{self.depth} numbers each")
            shift, by = tuple(means), tuple(stds)
        else:
            shift, by = (self.all.get("shift_factor") or 0.0,), (1.0,)
        if not (_number(scale) and scale > 0 and all(map(_number, shift))):
            self._refuse("scaling_factor", scale, "a number above 0, and a number for shift_factor")
        return shift, tuple(scale / s for s in by)


@network
class DiffusersEncoder(nn.Module):
    """Pictures (B, *shape) -> one level: of an AutoencoderKL means and log variances (B, 2 depth, H, W), else the
    latent (B, depth, H, W), as diffusers' own `encode` gives them."""

    def __init__(self, config: Mapping[str, Any], shape: Sequence[int]):
        super().__init__()
        plan = Plan(config)
        depth, *size = plan.grid(shape)
        self.levels = [(2 * depth if plan.kind == "AutoencoderKL" else depth, *size)]
        whole = plan.build()
        self.encoder = whole.encoder
        self.quant_conv = getattr(whole, "quant_conv", None)
        _differentiable(self.encoder)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        h = self.encoder(x)
        return (h if self.quant_conv is None else self.quant_conv(h),)


@network
class DiffusersDecoder(nn.Module):
    """Latents (B, latent), a grid (depth, H, W) each, -> pictures (B, *shape), as diffusers' own `decode` gives them
    for latents that are not scaled: `shift` and `scale` are taken off first."""

    classes = 0
    output = "linear"
    shift: Tensor
    scale: Tensor

    def __init__(self, config: Mapping[str, Any], shape: Sequence[int]):
        super().__init__()
        plan = Plan(config)
        self.grid = plan.grid(shape)
        self.latent = math.prod(self.grid)
        self.spatial = plan.all.get("norm_type") == "spatial"
        for name, values in (("shift", plan.shift), ("scale", plan.scale)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)
        whole = plan.build()
        self.decoder = whole.decoder
        self.post_quant_conv = getattr(whole, "post_quant_conv", None)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        z = z.unflatten(1, self.grid) / self.scale + self.shift
        z = z.contiguous(memory_format=torch.channels_last)
        h = z if self.post_quant_conv is None else self.post_quant_conv(z)
        return self.decoder(h, z) if self.spatial else self.decoder(h)

    def mean(self, raw: Tensor) -> Tensor:
        return raw


class Attend:
    """Self-attention of an encoder over the places of a map (B, C, H, W), by products and exponentials alone: torch's
    fused kernel has no second derivative, and the forward mode of its softmax changes in place what backward needs. A
    class, since diffusers asks for the arguments of `__call__`."""

    def __call__(
        self, attention: Any, x: Tensor, encoder_hidden_states: None, attention_mask: None, temb: Tensor | None = None
    ) -> Tensor:
        h = attention.group_norm(x.flatten(2)).transpose(1, 2)
        q, k, v = (attention.head_to_batch_dim(layer(h)) for layer in (attention.to_q, attention.to_k, attention.to_v))
        scores = (attention.scale * q @ k.transpose(1, 2)).float()
        weights = (scores - scores.detach().amax(-1, keepdim=True)).exp()
        weights = (weights / weights.sum(-1, keepdim=True)).to(v.dtype)
        h = attention.to_out[0](attention.batch_to_head_dim(weights @ v))
        return (x + h.transpose(1, 2).unflatten(2, x.shape[2:])) / attention.rescale_output_factor


def _differentiable(body: nn.Module) -> None:
    """What a discriminator that begins as this encoder needs for its penalties, in both forms: attention as `Attend`
    has it, and group norms of plainly laid out maps, since their forward mode knows no other."""
    from diffusers.models.attention_processor import Attention

    for module in body.modules():
        if isinstance(module, Attention):
            module.set_processor(Attend())  # type: ignore[arg-type]
        elif isinstance(module, nn.GroupNorm):
            module.register_forward_pre_hook(lambda _, given: (given[0].contiguous(),))


def _whole(value: Any, most: int, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _list(value: Any, fits: Any, most: int = LEVELS) -> bool:
    return isinstance(value, list | tuple) and 0 < len(value) <= most and all(map(fits, value))
