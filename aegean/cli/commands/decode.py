"""decode: latents to samples."""

from __future__ import annotations

import argparse
from pathlib import Path

from aegean.cli.options import a_class, a_run, out, overwrite
from aegean.cli.origins import mark, origin
from aegean.cli.outputs import FOLDER, check_picture, files_of, target, tell, write, write_folder
from aegean.cli.parser import Parser


def options(p: Parser) -> None:
    p.examples("aegean decode runs/vae z.npz --out decoded/")
    a_run(p)
    p.add_argument("latents", metavar="LATENTS", help="a .npz with key z (n, latent), as `aegean encode` writes it")
    out(p, "folder/, grid.png, or as their kind is written: rows.csv, lines.txt, ...")
    a_class(p, "the class of every latent, where the file holds no labels")
    mark(p)
    overwrite(p)


def run(args: argparse.Namespace) -> None:
    files = files_of(args.run)
    path, kind = target(args.out, (FOLDER, ".png", *files), args.overwrite)
    import torch

    from aegean.cli.latents import read_latents
    from aegean.cli.models import check_size, class_index, need_labels, opened
    from aegean.data.kinds import show

    model = opened(args.run, "decode")
    z, names, labels = read_latents(Path(args.latents), model)
    check_size(len(z), model.info)
    if kind == ".png":
        check_picture(len(z), model.info)
    if args.class_name is not None:
        labels = torch.full((len(z),), class_index(model, args.class_name))
    need_labels(model, labels, f"{args.latents} holds no labels")
    raw = model.info.restore(model.decode(z, labels if model.conditional else None))
    said = origin(args, model)
    if kind == ".png":
        write(path, show({"": raw}, model.info), said)
    elif kind in files:
        write(path, files[kind](raw, model.info), said)
    else:
        write_folder(path, {"": raw}, names, model.info, said)
    tell(f"{path}: {len(raw):,} decoded")
