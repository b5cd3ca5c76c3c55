"""reconstruct: what a model makes of its inputs."""

from __future__ import annotations

import argparse

from aegean.cli.options import through
from aegean.cli.origins import mark, origin
from aegean.cli.outputs import FOLDER, check_picture, files_of, plain, target, tell, write, write_folder
from aegean.cli.parser import Parser
from aegean.surface import plural


def options(p: Parser) -> None:
    p.examples("aegean reconstruct runs/vae digits --out r.png")
    through(p, "grid.png, folder/, or as their kind is written: rows.csv, lines.txt, ...")
    mark(p)


def run(args: argparse.Namespace) -> None:
    files = files_of(args.run)
    path, kind = target(args.out, (".png", *files, FOLDER), args.overwrite)
    from aegean.cli.models import inputs, opened
    from aegean.data.kinds import show
    from aegean.data.read.files import distinct

    model = opened(args.run, "reconstruct")
    names, raw, labels = inputs(args, model)
    if kind == ".png":
        check_picture(2 * len(raw), model.info)
    x_hat = model.info.restore(model.reconstruct(model.info.normalise(raw), labels))
    said = origin(args, model, given=True)
    if kind == ".png":
        write(path, show({"given": raw, "reconstructed": x_hat}, model.info), said)
    elif kind in files:
        write(path, files[kind](x_hat, model.info), said)
    else:
        write_folder(path, {"": x_hat, "inputs": raw}, distinct(map(plain, names), "-"), model.info, said)
    more = "" if kind != FOLDER else ", the inputs beside them in inputs/"
    tell(f"{path}: {plural(len(raw), 'reconstruction')}{more}")
