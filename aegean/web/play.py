"""What the page computes: models and samples in, pictures, sounds and sentences out. Nothing here knows the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aegean.codec import unpack
from aegean.config import UserError
from aegean.data import kinds
from aegean.data.io.origin import COMPOSITE, GENERATED, Origin
from aegean.machine import pick_device
from aegean.model import Model, hint
from aegean.session.runs import load
from aegean.web.kinds import Given, check_kind, kind_of, prepared

MOST = 64  # pictures at a time


@dataclass(frozen=True)
class Exhibit:
    """A run on the page."""

    name: str
    path: str
    model: Model

    @cached_property
    def fingerprint(self) -> str:
        return self.model.fingerprint

    def origin(self, seed: int | None = None, given: bool = False) -> Origin:
        """Of what it makes. given: of something of the user's."""
        return Origin(COMPOSITE if given else GENERATED, self.fingerprint, seed)


@dataclass(frozen=True)
class Pictures:
    """Pictures (n, H, W, 3) uint8 with a caption each, and sentences about them. origin: what their files say. given:
    so many of the first are the user's own, whose files say nothing. slider: two of them lie upon each other, and a
    slider shows more of the one or of the other. sounds: a .wav for each picture, where it shows one. texts: what
    stands in the place of each picture, of models of texts."""

    pictures: np.ndarray
    captions: Sequence[str]
    origin: Origin
    given: int = 0
    notes: Sequence[str] = ()
    slider: bool = False
    sounds: Sequence[bytes] = ()
    texts: Sequence[str] = ()


def load_runs(paths: Sequence[str]) -> list[Exhibit]:
    """The models of runs or model files, each under a name of its own. UserError: one that cannot be played with."""
    found = []
    for path in paths:
        model = load(path, pick_device("auto"))
        check_kind(model.info, path)
        found.append(model)
    return [Exhibit(*each) for each in zip(names(paths), paths, found)]


def names(paths: Sequence[str]) -> list[str]:
    """The last part of each path, or as many of the last parts as tell them apart; numbers where nothing does."""
    whole = [Path(path.removesuffix(".safetensors")).absolute() for path in paths]
    for count in range(1, max(len(path.parts) for path in whole)):
        short = ["/".join(path.parts[1:][-count:]) for path in whole]
        if len(set(short)) == len(short):
            return short
    return [f"{path.name} ({number})" for number, path in enumerate(whole, 1)]


def about(run: Exhibit) -> str:
    """What a run is, in a line."""
    model, past = run.model, run.model.about
    parts = [f"{past.get('recipe', 'a model')} on {model.info.name}", kind_of(model.info).shape(model.info)]
    if "decode" in model.can():
        levels = f" on {model.depth} levels" if model.depth > 1 else ""
        parts.append(f"{model.latent} latent dimensions{levels}")
    if "images" in past:
        parts.append(f"{past['images']:,} images seen in training")
    return ", ".join(parts)


def lacks(run: Exhibit, *verbs: str) -> str:
    """The sentence that says which of these verbs a run cannot do, empty where it can do all."""
    missing = next((verb for verb in verbs if verb not in run.model.can()), None)
    return hint(missing, run.name) if missing else ""


def no_samples(run: Exhibit) -> str:
    """Why a run cannot draw samples, empty where it can."""
    return lacks(run, "sample")


def no_pictures(run: Exhibit) -> str:
    """Why a run cannot show a picture and what comes back, empty where it can."""
    return "" if "compress_lossless" in run.model.can() else lacks(run, "reconstruct")


def no_levels(run: Exhibit) -> str:
    """Why a run cannot redraw one level, empty where it can."""
    try:
        run.model.check_level(0)
    except UserError as error:
        return str(error)
    return lacks(run, "sample")


# samples


def sampled(run: Exhibit, count: int, seed: int, truncation: float, class_name: str = "") -> Pictures:
    """Samples number 0 to count - 1 of a seed; at truncation 1 those of `aegean sample`."""
    model = run.model
    labels = labels_of(model, class_name, checked(count), seed)
    x = model.sample(count, seed, labels, truncation=truncation)
    captions = [f"sample {n}" for n in range(count)]
    if labels is not None:
        captions = [f"{text}: {model.info.classes[label]}" for text, label in zip(captions, labels.tolist())]
    return shown(run, x, captions, run.origin(seed))


def checked(count: int) -> int:
    """UserError: more pictures than the page shows."""
    if not 1 <= count <= MOST:
        raise UserError(f"{count:,} images were asked for; expected 1 to {MOST}.")
    return count


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
        raise UserError("This model was trained with classes: choose the class of your image.")
    return labels_of(model, class_name, 1)


def seen(model: Model, x: Tensor) -> np.ndarray:
    """Model values (n, *shape) -> pictures (n, H, W, 3) uint8."""
    return kind_of(model.info).draw(model.info.restore(x), model.info)


def shown(
    run: Exhibit, x: Tensor, captions: Sequence[str], origin: Origin, notes: Sequence[str] = (), given: int = 0
) -> Pictures:
    """Model values (n, *shape) to be looked at, and listened to where they sound. given: so many are the user's own."""
    model = run.model
    wav = kinds.kind_of(model.info).play
    sounds = [wav(one[None], model.info) for one in model.info.restore(x)] if wav else []
    texts = model.texts(x) if model.info.vocabulary else []
    return Pictures(seen(model, x), captions, origin, given, notes, sounds=sounds, texts=texts)


# a picture, there and back


def reconstructed(run: Exhibit, upload: Given, whole: bool, class_name: str = "") -> Pictures:
    """A sample and what comes back, with its bytes and its error. `whole`: in its own size, for models that
    compress."""
    model, sample = run.model, kinds.kind_of(run.model.info).sample
    lossy, exact = ("compress" in model.can(), "compress_lossless" in model.can())
    given = prepared(upload, model.info, whole and (lossy or exact))
    x = model.info.normalise(given.raw[None]).to(model.device)
    notes = [given.note]
    if whole and not (lossy or exact):
        notes.append(f"This model works on {sample}s of its own size only.")
    back = None
    if lossy:
        data = model.compress(x)
        back = torch.stack(list(model.decompress(data)))
        notes.append(f"As an .aeg file it takes {_bytes(model, data, given.raw)}")
    elif "reconstruct" in model.can():
        back = model.reconstruct(x, own_labels(model, class_name))
        notes.append(
            f"In between are {model.latent:,} latent dimensions. Fewer of them are no compression: nothing "
            "has been rounded or written to a file (codec and sound_codec do that)."
        )
    if exact:
        notes.append(f"Without any loss it takes {_bytes(model, model.compress(x, lossless=True), given.raw)}")
    if back is None:
        return shown(run, x, [f"your {sample}"], run.origin(given=True), notes, given=1)
    error = kind_of(model.info).error(x, back, model.info)
    captions = [f"your {sample}", "what comes back"]
    return shown(run, torch.cat((x, back)), captions, run.origin(given=True), [error, *notes], given=1)


def _bytes(model: Model, data: bytes, raw: np.ndarray) -> str:
    """What a file weighs, with its header and without."""
    content = sum(map(len, unpack(data)[1]))
    return (
        f"{len(data):,} bytes, of which {content:,} hold the {kinds.kind_of(model.info).sample} "
        f"({kind_of(model.info).rate(content, raw, model.info)}) and the rest is the file's header. The plain values "
        f"are {raw.nbytes:,} bytes."
    )


# levels


def redrawn(run: Exhibit, level: int, count: int, seed: int, class_name: str = "") -> Pictures:
    """The first sample of a seed, then the same with one level drawn anew, `count` times."""
    model = run.model
    model.check_level(level)
    checked(count)
    labels = labels_of(model, class_name, 1, seed)
    x = torch.cat([model.redraw(level, 1, seed, again, labels) for again in range(count + 1)])
    captions = ["the sample", *(f"level {level} anew, {n}" for n in range(1, count + 1))]
    return shown(run, x, captions, run.origin(seed))
