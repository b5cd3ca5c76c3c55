"""Autoencoders of diffusers in their folders, config.json and weights: read as a `Model`, and written back."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from aegean.config import Net, UserError, net, parse_json
from aegean.data.info import DataInfo
from aegean.files import read_tensor_header
from aegean.latent import GridCodes, GridGaussian, GridIdentity, quantiser_of
from aegean.model import Model
from aegean.nets.diffusers import CLASSES, DiffusersDecoder, DiffusersEncoder, Plan, library
from aegean.surface import option, quiet

CONFIG = "config.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"
CODES = "quantize.embedding.weight"
TOLERANCE = 1e-5  # of the largest difference from what is written, times the largest value where that is above 1
CHECKED = 2  # pictures in the check


def is_folder(path: str | Path) -> bool:
    """Whether a folder is one of diffusers, of whatever class: not a run's."""
    path = Path(path)
    if (path / "model_index.json").is_file() or any(path.glob("diffusion_pytorch_model*")):
        return True
    with contextlib.suppress(UserError, OSError, UnicodeDecodeError):
        config = parse_json((path / CONFIG).read_text(encoding="utf-8"), str(path))
        return isinstance(config, dict) and "_class_name" in config
    return False


def read(path: str | Path, info: DataInfo | None = None) -> Model:
    """The autoencoder in a folder of diffusers, for data like `info`; without it for 8-bit pictures of the size that
    the config names. Networks E, bottleneck and G; pictures in [-1, 1], as diffusers has them.

    UserError: another class, no weights, weights that are pickled or do not fit the config, data of another shape.
    """
    path = Path(path)
    config = _config(path)
    library()
    try:
        plan = Plan(config)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    if info is None:
        shape = (plan.channels, *_sides(plan))
        info = DataInfo(path.resolve().name, shape, (127.5,), (127.5,))
    grid = plan.grid(info.shape)
    whole = _weights(path, plan)
    specs = _specs(plan, config, info.shape, grid)
    nets: dict[str, nn.Module] = {}
    for name, spec in specs.items():
        with torch.random.fork_rng(devices=[]):
            nets[name] = spec.build()
        nets[name].load_state_dict(_tensors(whole, nets[name]))
    return Model(specs, nets, info, about={"recipe": str(plan.kind)})


def write(model: Model, path: str | Path) -> float:
    """The model as a folder that diffusers' `from_pretrained` loads: the config that it was read with, and its weights
    in float32. The folder is written beside its place, loaded again and compared, then renamed; the largest difference
    of all numbers comes back.

    UserError: the model was not read from diffusers, or the folder would hold another one.
    """
    path = Path(path)
    spec = model.specs.get("G")
    if spec is None or spec.kind != DiffusersDecoder.__name__:
        made = f"its decoder is a {spec.kind}" if spec else "it has no decoder"
        raise UserError(
            f"This model did not come from a folder of diffusers ({made}), which has no class for it; "
            f"give {option('format', 'onnx')} or {option('format', 'pt2')}."
        )
    if quantiser_of(model.specs["bottleneck"]):
        raise UserError(
            "This model's latents are symbols of its own, which diffusers has no class for; give "
            f"{option('format', 'onnx')}."
        )
    config = spec.args["config"]
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True)
        state = {k: v.detach().float().cpu().contiguous() for k, v in _state(model).items()}
        safetensors.torch.save_file(state, temporary / WEIGHTS, {"format": "pt"})
        (temporary / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
        difference = _compared(model, temporary)
        _replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return difference


def _specs(plan: Plan, config: Mapping[str, Any], shape: tuple[int, ...], grid: tuple[int, int, int]) -> dict[str, Net]:
    halves = {"config": dict(config), "shape": shape}
    if plan.kind == "VQModel":
        bottleneck = net(GridCodes, level=grid, levels=plan.all["num_vq_embeddings"])
    elif plan.kind == "AutoencoderKL":
        bottleneck = net(GridGaussian, level=(2 * grid[0], *grid[1:]), shift=plan.shift, scale=plan.scale)
    else:
        bottleneck = net(GridIdentity, level=grid, shift=plan.shift, scale=plan.scale)
    return {"E": net(DiffusersEncoder, **halves), "bottleneck": bottleneck, "G": net(DiffusersDecoder, **halves)}


def _tensors(whole: Mapping[str, Tensor], part: nn.Module) -> dict[str, Tensor]:
    """Of a whole autoencoder's tensors those of a part, whose names agree but for the codebook's."""
    if isinstance(part, GridCodes):
        return {"codes": whole[CODES], "mass": part.mass}
    return {name: whole[name] for name in part.state_dict()}


def _state(model: Model) -> dict[str, Tensor]:
    """The tensors of a whole autoencoder of diffusers."""
    nets = model.nets
    state = {**nets["E"].state_dict(), **nets["G"].state_dict()}
    return {**state, CODES: nets["bottleneck"].codes} if isinstance(nets["bottleneck"], GridCodes) else state  # type: ignore[dict-item]


def _config(path: Path) -> dict[str, Any]:
    """The content of a folder's config.json."""
    if not (path / CONFIG).is_file():
        inside = [name for name in ("vae", "vqvae", "movq") if (path / name / CONFIG).is_file()]
        if inside:
            raise UserError(
                f"{path} is a whole pipeline of diffusers; its autoencoder is {path / inside[0]}: give that."
            )
        raise UserError(f"{path} has no {CONFIG}; expected a folder that diffusers' save_pretrained wrote.")
    try:
        config = parse_json((path / CONFIG).read_text(encoding="utf-8"), str(path / CONFIG))
    except UnicodeDecodeError:
        raise UserError(f"{path / CONFIG} is not text; restore it from a copy.") from None
    if not isinstance(config, dict) or "_class_name" not in config:
        raise UserError(f"{path / CONFIG} names no class of diffusers; expected {', '.join(CLASSES)}.")
    return config


def _sides(plan: Plan) -> tuple[int, int]:
    """Height and width of the pictures that a config names: 512 where it names none."""
    size = plan.all.get("sample_size") or 512
    sides = tuple(size) if isinstance(size, list | tuple) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, int) and 0 < side <= 1 << 16 for side in sides):
        raise UserError(f"diffusers' {plan.kind} with sample_size={str(size)[:80]}: expected a whole number above 0.")
    return sides[0], sides[1]


def _weights(path: Path, plan: Plan) -> dict[str, Tensor]:
    """All tensors of a folder's autoencoder, as float32, through diffusers' own loader. It fills what a file lacks with
    random numbers, and takes memory by the config: so both are looked at first."""
    file = path / WEIGHTS
    if not file.is_file():
        pickles = sorted(path.glob("*.bin"))
        if pickles:
            raise UserError(
                f"{pickles[0]} is a pickle, which can run a stranger's code when it is opened; aegean reads "
                f"{WEIGHTS}: save the model again with safe_serialization=True."
            )
        raise UserError(f"{path} has no weights: {WEIGHTS} is missing.")
    there = sum(map(math.prod, read_tensor_header(file)[1].values()))
    with torch.device("meta"):
        asked = sum(tensor.numel() for tensor in plan.build().state_dict().values())
    if asked > there:
        raise UserError(f"{file} holds {there:,} numbers, but {CONFIG} describes a {plan.kind} of {asked:,}.")
    with quiet("diffusers", logging.CRITICAL):
        model, loading = _load(plan, path)
    for what, words in (
        ("missing_keys", "lacks"),
        ("mismatched_keys", "has other shapes of"),
        ("unexpected_keys", "has"),
    ):
        found = [key if isinstance(key, str) else key[0] for key in loading[what]]
        if found:
            beside = ", which the config does not describe" if what == "unexpected_keys" else ""
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            raise UserError(f"{file} {words} {sorted(found)[0]}{more}{beside}; restore the folder from a copy.")
    state = model.state_dict()
    wrong = [key for key, value in state.items() if not value.isfinite().all()]
    if wrong:
        raise UserError(f"{file}: {wrong[0]} is not finite; take another state of this model.")
    return state


def _load(plan: Plan, path: Path) -> tuple[Any, dict[str, Any]]:
    cls = getattr(library(), str(plan.kind))
    try:
        return cls.from_pretrained(
            str(path),
            local_files_only=True,
            use_safetensors=True,
            torch_dtype=torch.float32,
            low_cpu_mem_usage=False,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (ValueError, RuntimeError, OSError, TypeError) as error:
        raise UserError(f"diffusers cannot load {path} ({str(error).splitlines()[0]}).") from None


@torch.no_grad()
def _compared(model: Model, folder: Path) -> float:
    """The largest difference between a model and what diffusers loads from a folder, on random pictures."""
    x = torch.rand((CHECKED, *model.info.shape), generator=torch.Generator().manual_seed(0)) * 2 - 1
    device, plan = model.device, Plan(model.specs["G"].args["config"])
    with quiet("diffusers", logging.CRITICAL):
        theirs = _load(plan, folder)[0].eval()
    model.to("cpu")
    z = model.encode(x)
    found = theirs.encode(x)
    h = found.latent_dist.mode() if plan.kind == "AutoencoderKL" else found.latents
    decoded = theirs.decode(h).sample
    if plan.kind == "VQModel":
        h = theirs.quantize(h)[0]
    shift, scale = (torch.tensor(v)[:, None, None] for v in (plan.shift, plan.scale))
    pairs = [(z, ((h - shift) * scale).flatten(1)), (model.decode(z), decoded)]
    difference = max(float((a - b).abs().max()) for a, b in pairs)
    largest = max(1.0, *(float(b.abs().max()) for _, b in pairs))
    model.to(device)
    if not difference <= TOLERANCE * largest:
        raise UserError(f"What diffusers makes of this model differs by {difference:.2g}; nothing was written.")
    return difference


def _replace(new: Path, path: Path) -> None:
    """A folder takes its place; one of diffusers that is there goes. UserError: another folder is there."""
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    if path.exists():
        strange = [p.name for p in path.iterdir() if p.name not in (CONFIG, WEIGHTS)] if path.is_dir() else [path.name]
        if strange:
            raise UserError(f"{path} holds {strange[0]}, so it is not replaced; choose another {option('out')}.")
        path.replace(old)
    new.replace(path)
    shutil.rmtree(old, ignore_errors=True)
