"""Marking a model, and finding the mark in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aegean.config import UserError, net
from aegean.data import Dataset
from aegean.data.io.photographs import Photograph, photographs, with_channels
from aegean.metrics.samples import as_saved, chosen
from aegean.model import Model
from aegean.nets.marked import BITS, MarkedDecoder
from aegean.session.evaluate import EVALUATING
from aegean.session.runs import home, load, own_data
from aegean.surface import say
from aegean.trust import kinds
from aegean.trust.disturbed import ATTACKS
from aegean.trust.key import Key, new_key, read_key, write_key
from aegean.trust.reading import carriers, evened, pooled, read_marks

LOOKED_AT = 2_000  # unmarked pictures, by which the readings are evened out: of the model, and of its data
TRIED = 100  # marked pictures, on which attacks are tried, and held-out ones, which must not be accused
WRONG = 5  # keys
TOGETHER = 8  # pictures whose p are pooled
SMALLEST = 0.7  # of a side of the key's pictures: what is read of one that has lost some
LEVEL = 0.01  # at which false alarms are counted
READABLE = 0.9  # of the bits, that must be right in pictures as they are drawn
SURE = 1e-6  # what p of TOGETHER pictures is to come to after each attack


def mark(path: str | Path, key_file: str | Path, out: str | Path, seed: int = 0) -> dict[str, Any]:
    """A model whose pictures carry the 32 bits of a key, as a model file or in a folder; what the mark survives.

    path: a run folder or a model file.
    key_file: the key; made where there is none. What is learnt of the pictures is added to it: `detect` needs it, so
        each model has a key of its own.
    out: a new folder, or a name that ends in .safetensors.
    seed: of the pictures that it is tried on.

    UserError: no pictures, or too small ones, or such that the mark would not be found in them again; a model without a
    plain decoder; a file that is no key, or one that has marked a model.
    """
    model, out = load(path), Path(out)
    kinds.kind_of(model.info).mark(model.info)
    plain = "decode" in model.can() and model.wiring_name == "standard"
    if not plain or "marked" in model.about:
        raise UserError(f"{path} has no plain decoder whose pictures could be marked; mark a run of vae, gan or ae.")
    fresh = not Path(key_file).exists()
    key = new_key() if fresh else read_key(key_file)
    if key.shape:
        raise UserError(
            f"{key_file} has marked a model already, whose pictures it would no longer find; give another file."
        )
    data = _data(path)
    unmarked = _unmarked(model, data, seed)
    key = evened(key, unmarked)
    marked = marked_model(model, key)
    report = tried(model, marked, key, unmarked, data, seed)
    check_readable(path, report["attacks"])
    write_key(key, key_file)
    say(f"{key_file}: {'a new key' if fresh else 'the key, with what is known of these pictures'}; keep it secret")
    marked.save(out if out.suffix == ".safetensors" else out / "model.safetensors")
    return {"run": str(path), "out": str(out), "bits": BITS, **report}


def check_readable(path: str | Path, survived: Mapping[str, Mapping[str, float]]) -> None:
    """UserError: the mark is hardly found in pictures as they are drawn; what it survives less well is said."""
    right = survived["nothing"]["bits"]
    if right < READABLE:
        raise UserError(
            f"{path}: its pictures have no room for a mark that is not seen: only {right:.0%} of the bits are right "
            "(small grey pictures on black, for one), or not for this key: another may do. Nothing was written."
        )
    for name, row in survived.items():
        if row["pooled"] > SURE:
            say(f"after {name}, {TOGETHER} pictures do not prove the mark (p = {row['pooled']:.1g}); more are needed")


def marked_model(model: Model, key: Key) -> Model:
    """The same model with a marked decoder."""
    G: Any = model.nets["G"]
    spec = net(MarkedDecoder, decoder=model.specs["G"], shape=model.info.shape, classes=G.classes)
    decoder: Any = spec.build()
    decoder.decoder.load_state_dict(G.state_dict())
    decoder.carriers.copy_(torch.from_numpy(carriers(key) * key.bits[:, None, None, None]))
    decoder.average.copy_(torch.tensor(key.mean).view(model.info.shape))
    about = {**model.about, "marked": model.fingerprint}
    nets, specs = {**model.nets, "G": decoder}, {**model.specs, "G": spec}
    return Model(specs, nets, model.info, model.bound, about, model.wiring_name)


def tried(
    model: Model, marked: Model, key: Key, unmarked: np.ndarray, data: Dataset | None, seed: int = 0
) -> dict[str, Any]:
    """What the mark survives, what it costs, and how often it accuses pictures that have none.

    model, marked: without the mark and with it.
    unmarked: (n, C, H, W) in [-1, 1], to which wrong keys are fitted as the key was.
    data: whose held-out pictures are tried as well.
    """
    plain, with_mark = (drawn(one, TRIED, seed) for one in (model, marked))
    error = ((plain.astype(np.float64) - with_mark) ** 2).mean((1, 2, 3))
    wrong = [evened(Key(f"{number:064x}"), unmarked) for number in range(WRONG)]
    report: dict[str, Any] = {
        "psnr": float((10 * np.log10(255**2 / np.maximum(error, 1e-6))).mean()),
        "attacks": survived(with_mark, key, seed),
        "without_mark": alarms(plain, [key]),
        "wrong_keys": alarms(with_mark[: TRIED // WRONG], wrong),
    }
    return report | ({} if data is None else {"held_out": alarms(held_out(data, TRIED, seed), [key])})


def survived(pictures: np.ndarray, key: Key, seed: int) -> dict[str, dict[str, float]]:
    """What can be read after each attack of marked pictures (n, C, H, W) uint8: the share of bits that are right, the
    median p, and the worst p of TOGETHER pictures."""
    rng, found = np.random.default_rng(seed), {}
    for name, attack in ATTACKS.items():
        read = read_marks(in_range(np.stack([attack(x, rng) for x in pictures])), key)
        ps = [one.p for one in read]
        groups = [pooled(ps[start : start + TOGETHER]) for start in range(0, len(ps) - TOGETHER + 1, TOGETHER)]
        bits = sum(one.agreeing for one in read) / (BITS * len(read))
        found[name] = {"bits": bits, "p": float(np.median(ps)), "pooled": max(groups)}
    return found


def alarms(pictures: np.ndarray, keys: Sequence[Key]) -> dict[str, Any]:
    """How often pictures (n, C, H, W) uint8 without a key's mark are accused at LEVEL, which must be at most LEVEL."""
    ps = [one.p for key in keys for one in read_marks(in_range(pictures), key)]
    return {"pictures": len(ps), "alarms": sum(p <= LEVEL for p in ps), "level": LEVEL}


def detect(files: Sequence[str | Path], key_file: str | Path) -> dict[str, Any]:
    """Bits and p of each picture, and one p for all. UserError: a key that has marked no model yet, no such picture."""
    key = read_key(key_file)
    if not key.shape:
        raise UserError(f"{key_file} has marked no model yet, so it is not known where to look: `aegean mark` first.")
    rows: list[dict[str, Any]] = []
    for name, photo in photographs([str(file) for file in files]):
        (one,) = read_marks(_as_the_key(name, photo, key)[None], key)
        bits = "".join("1" if bit > 0 else "0" for bit in one.bits)
        rows.append({"file": name, "bits": bits, "agreeing": one.agreeing, "p": one.p})
    return {"files": rows, "pooled": pooled([row["p"] for row in rows]), "bits": BITS}


def _as_the_key(name: str, photo: Photograph, key: Key) -> np.ndarray:
    """(C, h, w) in [-1, 1], of the key's channels. UserError: smaller than a mark needs."""
    (height, width), (least, wide) = photo.size, (round(SMALLEST * side) for side in key.shape[1:])
    if height < least or width < wide:
        raise UserError(f"{name} has {height}x{width} pixels, fewer than this mark needs: {least}x{wide}.")
    values = with_channels(photo.values, key.shape[0])
    return values.astype(np.float64) / np.iinfo(values.dtype).max * 2 - 1


def in_range(x: np.ndarray) -> np.ndarray:
    """uint8 -> [-1, 1]."""
    return x.astype(np.float64) / 127.5 - 1


def drawn(model: Model, count: int, seed: int) -> np.ndarray:
    """Pictures (n, C, H, W) uint8 of a model: samples, or without a prior what it decodes of normal latents."""
    model.progress = EVALUATING
    if "sample" in model.can():
        x = model.sample(count, seed)
    else:
        labels = model.sample_labels(count, seed) if model.conditional else None
        x = model.decode(torch.randn(count, model.latent, generator=torch.Generator().manual_seed(seed)), labels)
    return _as_bytes(as_saved(x, model.info, "pictures").cpu().numpy())


def held_out(data: Dataset, count: int, seed: int) -> np.ndarray:
    """Real pictures (n, C, H, W) uint8 that nothing was trained on."""
    return _as_bytes(data.info.normalise(data.test[chosen(len(data.test), count, seed)]).numpy())


def _as_bytes(x: np.ndarray) -> np.ndarray:
    return ((x + 1) * 127.5).round().clip(0, 255).astype(np.uint8)


def _data(path: str | Path) -> Dataset | None:
    try:
        return own_data(path, home(path).read())
    except UserError:
        say("the data of the run are not there: the key is fitted to the model's own pictures alone")
        return None


def _unmarked(model: Model, data: Dataset | None, seed: int) -> np.ndarray:
    """Pictures without a mark in [-1, 1]: of the model, and of its data where they are there."""
    made = in_range(drawn(model, LOOKED_AT, seed + 1))
    if data is None:
        return made
    return np.concatenate((made, data.info.normalise(data.train[chosen(len(data.train), LOOKED_AT, seed)]).numpy()))
