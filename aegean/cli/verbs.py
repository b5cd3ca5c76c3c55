"""sample, reconstruct, levels, encode, decode: a model's verbs from files to files."""

from __future__ import annotations

import argparse
import json
import math
import re
import shlex
import sys
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from aegean.cli.outputs import FOLDER, check_picture, npz, rows, target, write, write_folder
from aegean.config import UserError, nearest, to_json
from aegean.data import DataInfo
from aegean.data.io.inputs import different, read_labelled
from aegean.data.kinds import show
from aegean.machine import pick_device
from aegean.model import Model, hint
from aegean.session.runs import load

SHOWN = 16  # inputs whose levels are shown
LIMIT = 4 << 30  # bytes of samples or latents that one command holds in memory


def sample(args: argparse.Namespace) -> None:
    path, kind = target(args.out, (".png", FOLDER, ".npz", ".csv"), args.overwrite)
    model = opened(args.run, "sample")
    info = model.info
    if kind == ".csv" and info.is_image:
        raise UserError(f"--out {args.out}: this model draws pictures; expected .png, a folder or .npz.")
    check_size(args.count, info)
    if kind == ".png":
        check_picture(args.count, info)
    labels = None
    if args.class_name is not None:
        labels = torch.full((args.count,), class_index(model, args.class_name))
    elif model.conditional:
        labels = model.sample_labels(args.count, args.seed)
    if args.resample is None:
        raw = info.restore(model.sample(args.count, args.seed, labels))
    else:
        raw = info.restore(redrawn(model, args.resample, args.count, args.seed))
    if kind == ".png":
        write(path, show({"": raw}, info))
    elif kind == ".npz":
        more = {} if labels is None else {"labels": labels.cpu().numpy()}
        write(path, npz(x=raw, info=json.dumps(to_json(info)), **more))
    elif kind == ".csv":
        write(path, rows(raw, info))
    else:
        write_folder(path, {"": raw}, sample_names(labels, args.count, info), info)
    print(f"{path}: {args.count} samples")


def redrawn(model: Model, level: int, count: int, seed: int) -> Tensor:
    """The first sample of a seed, then the same with one level drawn anew: (count, *shape)."""
    model.check_level(level)
    return torch.cat([model.redraw(level, 1, seed, again) for again in range(count)])


def sample_names(labels: Tensor | None, count: int, info: DataInfo) -> list[str]:
    """sample-000000, ..., with the class where there is one."""
    ends = [""] * count if labels is None else [f"-{info.classes[label]}" for label in labels.tolist()]
    return [plain(f"sample-{n:06d}{end}") for n, end in enumerate(ends)]


def reconstruct(args: argparse.Namespace) -> None:
    path, kind = target(args.out, (".png", FOLDER), args.overwrite)
    model = opened(args.run, "reconstruct")
    names, raw, labels = inputs(args, model)
    if kind == ".png":
        check_picture(2 * len(raw), model.info)
    x_hat = model.info.restore(model.reconstruct(model.info.normalise(raw), labels))
    if kind == ".png":
        write(path, show({"given": raw, "reconstructed": x_hat}, model.info))
    else:
        write_folder(path, {"": x_hat, "inputs": raw}, different(list(map(plain, names))), model.info)
    print(f"{path}: {len(raw)} reconstructions{'' if kind == '.png' else ', the inputs beside them in inputs/'}")


def levels(args: argparse.Namespace) -> None:
    """The first inputs, and what the upper levels alone say of them: one, two, and so on."""
    path, _ = target(args.out, (".png",), args.overwrite)
    model = opened(args.run, "levels")
    if model.depth == 1 or "reconstruct" not in model.can():
        raise UserError(
            f"{args.run} is flat: it has latents on one level, so there is nothing to add up; train hierarchical_vae "
            "or stacked_gan."
        )
    _, raw, labels = inputs(args, model)
    raw, labels = raw[:SHOWN], None if labels is None else labels[:SHOWN]
    x = model.info.normalise(raw)
    parts = {"given": raw}
    for top in range(1, model.depth + 1):
        name = f"levels from {model.depth - top}" if top < model.depth else "all levels"
        parts[name] = model.info.restore(model.reconstruct(x, labels, top=top))
    check_picture(sum(map(len, parts.values())), model.info, "smaller pictures")
    write(path, show(parts, model.info, SHOWN))
    rows = ", ".join(list(parts)[1:])
    print(f"{path}: {len(raw)} inputs, below them the reconstruction from {rows}")


def encode(args: argparse.Namespace) -> None:
    path, _ = target(args.out, (".npz",), args.overwrite)
    model = opened(args.run, "encode")
    names, raw, labels = inputs(args, model)
    z = model.encode(model.info.normalise(raw), labels).cpu().numpy()
    more = {} if labels is None else {"labels": labels.cpu().numpy()}
    write(path, npz(z=z, names=np.array([name.replace("\0", "") for name in names]), **more))
    print(f"{path}: {len(z)} latents of {z.shape[1]} numbers")


def decode(args: argparse.Namespace) -> None:
    path, kind = target(args.out, (FOLDER, ".png"), args.overwrite)
    model = opened(args.run, "decode")
    z, names, labels = read_latents(Path(args.latents), model)
    check_size(len(z), model.info)
    if kind == ".png":
        check_picture(len(z), model.info)
    if args.class_name is not None:
        labels = torch.full((len(z),), class_index(model, args.class_name))
    need_labels(model, labels, f"{args.latents} holds no labels")
    raw = model.info.restore(model.decode(z, labels if model.conditional else None))
    if kind == ".png":
        write(path, show({"": raw}, model.info))
    else:
        write_folder(path, {"": raw}, names, model.info)
    print(f"{path}: {len(raw)} decoded")


# pieces


def opened(run: str, verb: str) -> Model:
    """The model of a run or file, on the best device there is. UserError: it cannot do the verb."""
    model = load(run, pick_device("auto"))
    need_verb(model, run, verb)
    model.progress = partial(tqdm, desc=verb, unit="batch", leave=False, delay=0.5, file=sys.stderr)
    return model


def need_verb(model: Model, run: str, verb: str) -> None:
    if verb not in model.can():
        raise UserError(f"{run} cannot {verb.replace('_', ' ')}: {hint(verb, shlex.quote(run))}.")


def inputs(args: argparse.Namespace, model: Model) -> tuple[list[str], np.ndarray, Tensor | None]:
    """Names, raw samples (n, *shape) and, for a model with classes, labels (n,)."""
    names, raw, classes = read_labelled(args.inputs, model.info, args.skip_bad)
    if args.class_name is not None:
        return names, raw, torch.full((len(raw),), class_index(model, args.class_name))
    if not model.conditional:
        return names, raw, None
    found = [index_of(name, model.info, "The inputs") for name in classes or ()]
    labels = torch.tensor(found) if classes else None
    need_labels(model, labels, "The inputs have no classes")
    return names, raw, labels


def class_index(model: Model, name: str) -> int:
    """The number of a class. UserError: unknown, or the model has no class input."""
    if not model.conditional:
        raise UserError(f"--class {name}: this model has no class input; train one with --set conditional=true.")
    return index_of(name, model.info, "--class")


def index_of(name: str, info: DataInfo, origin: str) -> int:
    if name not in info.classes:
        raise UserError(f"{origin}: this model has no class {name!r}.{nearest(name, info.classes)}")
    return info.classes.index(name)


def need_labels(model: Model, labels: Tensor | None, what: str) -> None:
    if model.conditional and labels is None:
        classes = ", ".join(model.info.classes[:12]) + (", ..." if len(model.info.classes) > 12 else "")
        raise UserError(f"{what}, which this model needs; say which with --class NAME, one of {classes}.")


def check_size(count: int, info: DataInfo) -> None:
    """Refuse what would not fit into memory."""
    if count * math.prod(info.shape) * 16 > LIMIT:
        most = LIMIT // (math.prod(info.shape) * 16)
        raise UserError(
            f"{count:,} samples are more than one command holds; take {most:,} at most, with several --seed."
        )


def read_latents(path: Path, model: Model) -> tuple[Tensor, list[str], Tensor | None]:
    """z (n, latent) float32, names for files, and labels (n,) where they are, from a .npz.

    UserError: unreadable, too large, Python objects, no z, another shape, NaN, labels that do not match.
    """
    found = _arrays(path)
    if "z" not in found:
        raise UserError(f"{path} has no array named 'z'; expected the .npz that `aegean encode` writes.")
    z, latent = found["z"], model.latent
    if z.dtype.kind not in "fiu" or z.ndim != 2 or z.shape[1] != latent or not len(z):
        raise UserError(
            f"{path}: z is {z.dtype} of shape {z.shape}; this model decodes numbers of shape (n, {latent})."
        )
    with np.errstate(over="ignore"):
        z = z.astype(np.float32)
    if not np.isfinite(z).all():
        raise UserError(f"{path}: z holds NaN, infinite or far too large values; encode the inputs again.")
    names = [plain(str(name)) for name in np.atleast_1d(found.get("names", np.array([]))).ravel()]
    if len(names) != len(z) or len(set(names)) != len(z):
        names = [f"decoded-{n:06d}" for n in range(len(z))]
    return torch.from_numpy(z), names, _labels(path, found.get("labels"), len(z), model)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > LIMIT:
            raise UserError(f"{path} unpacks to {size:,} bytes; at most {LIMIT:,} are read: decode it in parts.")
        with np.load(path, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in ("z", "names", "labels") if key in arrays}
    except (UserError, OSError) as error:
        if isinstance(error, OSError) and error.strerror is None:
            raise UserError(f"{path} is not a readable .npz file ({error}); write it again.") from None
        raise
    except Exception as error:  # zipfile and numpy raise many kinds for damaged files
        raise UserError(f"{path} is not a readable .npz file ({error}); write it with `aegean encode`.") from None


def _labels(path: Path, labels: np.ndarray | None, count: int, model: Model) -> Tensor | None:
    if labels is None or not model.conditional:
        return None
    classes = len(model.info.classes)
    if labels.shape != (count,) or labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= classes:
        raise UserError(f"{path}: labels must be {count} whole numbers from 0 to {classes - 1}, one for each latent.")
    return torch.from_numpy(labels.astype(np.int64))


def plain(name: str) -> str:
    """A name that is safe as that of a file, whoever chose it."""
    name = re.sub(r"[^\w .,+=@()-]", "-", name).lstrip(".")
    return name.encode()[:200].decode(errors="ignore") or "unnamed"  # file systems count bytes
