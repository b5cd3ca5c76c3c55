"""What the page computes: models and pictures in, pictures and sentences out. Nothing here knows the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aegean.codec import unpack
from aegean.config import UserError
from aegean.data.batch import Batch
from aegean.data.io.show import as_pictures
from aegean.formulas.pictures import mean_squared_error, psnr
from aegean.machine import pick_device
from aegean.model import Model, hint
from aegean.paths import Noise, Paths, noise_for
from aegean.session.runs import load
from aegean.web.upload import Upload, taken

MOST = 64  # pictures at a time


@dataclass(frozen=True)
class Shown:
    """A run on the page."""

    name: str
    path: str
    model: Model


@dataclass(frozen=True)
class Pictures:
    """Pictures (n, H, W, 3) uint8 with a caption each, and sentences about them."""

    pictures: np.ndarray
    captions: Sequence[str]
    said: Sequence[str] = ()


def shown_runs(paths: Sequence[str]) -> list[Shown]:
    """The models of runs or model files, each under a name of its own. UserError: one that cannot be played with."""
    found = []
    for path in paths:
        model = load(path, pick_device("auto"))
        if not model.info.is_image:
            raise UserError(f"{path} was trained on rows; the playground shows pictures. Use `aegean sample {path}`.")
        found.append(model)
    return [Shown(*each) for each in zip(names(paths), paths, found)]


def names(paths: Sequence[str]) -> list[str]:
    """The last part of each path, or all of it where that is not enough to tell them apart."""
    short = [Path(path).absolute().name.removesuffix(".safetensors") for path in paths]
    return short if len(set(short)) == len(short) else [f"{n}: {path}" for n, path in enumerate(paths, 1)]


def about(shown: Shown) -> str:
    """What a run is, in a line."""
    model, past = shown.model, shown.model.about
    channels, height, width = model.info.shape
    colours = {1: "grey", 3: "colour", 4: "colour with transparency"}.get(channels, f"{channels} channels")
    parts = [f"{past.get('recipe', 'a model')} on {model.info.name}", f"{width} x {height} {colours}"]
    if "decode" in model.can():
        levels = f" on {model.depth} levels" if model.depth > 1 else ""
        parts.append(f"{model.latent} latent numbers{levels}")
    if "images" in past:
        parts.append(f"{past['images']:,} pictures seen in training")
    return ", ".join(parts)


def lacks(shown: Shown, *verbs: str) -> str:
    """The sentence that says which of these verbs a run cannot do, empty where it can do all."""
    missing = next((verb for verb in verbs if verb not in shown.model.can()), None)
    return hint(missing, shown.name) if missing else ""


def no_samples(shown: Shown) -> str:
    """Why a run cannot draw samples, empty where it can."""
    return lacks(shown, "sample")


def no_pictures(shown: Shown) -> str:
    """Why a run cannot show a picture and what comes back, empty where it can."""
    return "" if "compress_lossless" in shown.model.can() else lacks(shown, "reconstruct")


def no_levels(shown: Shown) -> str:
    """Why a run cannot redraw one level, empty where it can."""
    try:
        shown.model.check_level(0)
    except UserError as error:
        return str(error)
    return lacks(shown, "sample")


# samples


def sampled(shown: Shown, count: int, seed: int, truncation: float, class_name: str = "") -> Pictures:
    """Samples number 0 to count - 1 of a seed; at truncation 1 those of `aegean sample`."""
    model = shown.model
    labels = labels_of(model, class_name, checked(count), seed)
    with torch.no_grad():
        x = drawn(model, count, seed, truncation, labels).x_fake
    captions = [f"sample {n}" for n in range(count)]
    if labels is not None:
        captions = [f"{text}: {model.info.classes[label]}" for text, label in zip(captions, labels.tolist())]
    return Pictures(seen(model, x), captions)


def checked(count: int) -> int:
    """UserError: more pictures than the page shows."""
    if not 1 <= count <= MOST:
        raise UserError(f"{count:,} pictures were asked for; expected 1 to {MOST}.")
    return count


def drawn(model: Model, count: int, seed: int, truncation: float, labels: Tensor | None) -> Paths:
    """The paths of samples whose normal noise is multiplied by `truncation`."""
    noise = noise_for(torch.arange(count, device=model.device), seed, "verb")
    return model.wiring(model.nets, Batch(labels=labels), noise=truncated(noise, truncation))


def truncated(noise: Noise, amount: float) -> Noise:
    """The same noise, its normal numbers multiplied by `amount`. The plain scaling of what a prior starts from: no
    resampling of far values (Brock et al. 2019, section 3.1) and no pull towards a mean of latents."""

    def draw(stream: str, kind: str, shape: tuple[int, ...]) -> Tensor:
        values = noise(stream, kind, shape)
        return amount * values if kind == "normal" else values

    return draw


def labels_of(model: Model, class_name: str, count: int, seed: int = 0) -> Tensor | None:
    """Labels (n,) of a class; of "" drawn from the frequencies; None for a model without classes."""
    if not model.conditional:
        return None
    if not class_name:
        return model.sample_labels(count, seed)
    if class_name not in model.info.classes:
        raise UserError(f"This model has no class {class_name!r}.")
    return torch.full((count,), model.info.classes.index(class_name), device=model.device)


def own_labels(model: Model, class_name: str) -> Tensor | None:
    """The label (1,) of a picture that somebody gave."""
    if model.conditional and not class_name:
        raise UserError("This model was trained with classes: choose the class of your picture.")
    return labels_of(model, class_name, 1)


def seen(model: Model, x: Tensor) -> np.ndarray:
    """Model values (n, *shape) -> pictures (n, H, W, 3) uint8."""
    return as_pictures(model.info.restore(x), model.info)


# a picture, there and back


def reconstructed(shown: Shown, upload: Upload, whole: bool, class_name: str = "") -> Pictures:
    """A picture and what comes back, with its bytes and its error. `whole`: tile by tile, for models that compress."""
    model = shown.model
    lossy, exact = ("compress" in model.can(), "compress_lossless" in model.can())
    given = taken(upload, model.info, whole and (lossy or exact))
    x = model.info.normalise(given.raw[None]).to(model.device)
    said = [given.said]
    if whole and not (lossy or exact):
        said.append("This model works on pictures of its own size only.")
    back = None
    if lossy:
        data = model.compress(x)
        back = torch.stack(list(model.decompress(data)))
        said.append(f"As an .aeg file it takes {_bytes(data, given.raw)}")
    elif "reconstruct" in model.can():
        back = model.reconstruct(x, own_labels(model, class_name))
        said.append(
            f"In between are {model.latent:,} latent numbers. A number of latent dimensions is no compression: nothing "
            "has been rounded or written to a file (the recipe codec does that)."
        )
    if exact:
        said.append(f"Without any loss it takes {_bytes(model.compress(x, lossless=True), given.raw)}")
    if back is None:
        return Pictures(seen(model, x), ["your picture"], said)
    a, b = x.cpu().numpy(), back.cpu().numpy()
    error = f"Error: {psnr(a, b):.1f} dB PSNR; mean squared error {mean_squared_error(a, b):.4f}, black -1 and white 1."
    return Pictures(seen(model, torch.cat((x, back))), ["your picture", "what comes back"], [error, *said])


def _bytes(data: bytes, raw: np.ndarray) -> str:
    """What a file weighs, with its header and without."""
    pixels = raw.shape[1] * raw.shape[2]
    picture = sum(map(len, unpack(data)[1]))
    return (
        f"{len(data):,} bytes, of which {picture:,} hold the picture ({8 * picture / pixels:.2f} bits a pixel) and the "
        f"rest is the file's header. The plain values are {raw.nbytes:,} bytes."
    )


# levels


def redrawn(shown: Shown, level: int, count: int, seed: int, class_name: str = "") -> Pictures:
    """The first sample of a seed, then the same with one level drawn anew, `count` times."""
    model = shown.model
    model.check_level(level)
    checked(count)
    labels = labels_of(model, class_name, 1, seed)
    x = torch.cat([model.redraw(level, 1, seed, again, labels) for again in range(count + 1)])
    return Pictures(seen(model, x), ["the sample", *(f"level {level} anew, {n}" for n in range(1, count + 1))])
