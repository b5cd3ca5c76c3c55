"""sample: new samples of a model."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aegean.cli.options import a_class, a_run, number, out, overwrite, whole
from aegean.cli.origins import mark, origin
from aegean.cli.outputs import FOLDER, check_picture, files_of, npz, plain, target, tell, write, write_folder
from aegean.cli.parser import Parser
from aegean.config import UserError, to_json
from aegean.surface import plural

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from aegean.data import DataInfo
    from aegean.model import Model


def options(p: Parser) -> None:
    p.examples("aegean sample runs/vae --count 64 --out samples.png")
    a_run(p)
    p.add_argument("--count", type=whole(1), default=64, help="draw so many (default: 64)")
    out(p, "grid.png, folder/, samples.npz, or as their kind is written: rows.csv, .parquet, lines.txt, .jsonl")
    a_class(p, "draw only this class; for models trained with --set conditional=true")
    p.add_argument("--seed", type=whole(0), default=0, help="draw others with another seed (default: 0)")
    p.add_argument("--temperature", type=number, metavar="T", help="of the tokens of texts; 0: the likeliest ones")
    p.add_argument(
        "--truncation",
        type=number,
        default=1.0,
        metavar="T",
        help="multiply the normal noise: below 1 samples are cleaner and more alike (default: 1)",
    )
    p.add_argument(
        "--resample",
        type=whole(0),
        metavar="LEVEL",
        help="keep one sample and draw this level of it anew, --count times; 0 is nearest the data",
    )
    p.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="of tables: only rows such as 'age>=60' or country=France; may be given several times",
    )
    mark(p)
    overwrite(p)


def run(args: argparse.Namespace) -> None:
    from aegean.data.io.rows import ENDINGS
    from aegean.data.kinds import show

    files = files_of(args.run)
    path, kind = target(args.out, (".png", ".npz", *files, FOLDER), args.overwrite)
    import numpy as np

    from aegean.cli.models import check_size, opened

    model = opened(args.run, "sample")
    info = model.info
    if info.table and kind in ENDINGS and args.resample is None:
        tell(f"{path}: {plural(write_rows(args, model, path), 'row')}")
        return
    if args.resample is not None and args.truncation != 1:
        raise UserError("--truncation is for samples of the prior; leave it, or --resample, out.")
    if args.where and (not info.table or args.resample is not None):
        raise UserError("--where is for rows of tables that are drawn from the prior; leave it, or --resample, out.")
    check_size(args.count, info)
    if kind == ".png":
        check_picture(args.count, info)
    said = origin(args, model, args.seed)
    labels = None if args.where else labels_of(args, model)
    raw = np.concatenate(list(rows(args, model))) if args.where else info.restore(drawn(args, model, labels))
    if kind == ".png":
        write(path, show({"": raw}, info), said)
    elif kind == ".npz":
        more = {} if labels is None else {"labels": labels.cpu().numpy()}
        write(path, npz(x=raw, info=json.dumps(to_json(info)), **more), said)
    elif kind == FOLDER:
        write_folder(path, {"": raw}, names(labels, len(raw), info), info, said)
    else:
        write(path, files[kind](raw, info), said)
    tell(f"{path}: {plural(len(raw), 'sample')}")


def write_rows(args: argparse.Namespace, model: Model, path: Path) -> int:
    """Rows of described columns into one file, some at a time; how many there are."""
    from aegean.data.io.origin import write_beside
    from aegean.data.io.rows import cells, rows_file

    table, count, said = model.info.table, 0, origin(args, model, args.seed)
    with rows_file(path, table) as write:
        for raw in rows(args, model):
            write(cells(table, raw, count))
            count += len(raw)
    if said:
        write_beside(path, said)
    return count


def rows(args: argparse.Namespace, model: Model) -> Iterator[np.ndarray]:
    """Raw rows that meet the conditions, some at a time."""
    from aegean.cli.models import class_index
    from aegean.data.where import conditions
    from aegean.model.rows import drawn

    label = None if args.class_name is None else class_index(model, args.class_name)
    return drawn(model, args.count, args.seed, conditions(args.where, model.info.table), label, args.truncation)


def labels_of(args: argparse.Namespace, model: Model) -> Tensor | None:
    """Labels (count,) of the class that is asked for, else with the training frequencies; None without classes."""
    import torch

    from aegean.cli.models import class_index

    if args.class_name is not None:
        return torch.full((args.count,), class_index(model, args.class_name))
    return model.sample_labels(args.count, args.seed) if model.conditional else None


def drawn(args: argparse.Namespace, model: Model, labels: Tensor | None) -> Tensor:
    """Samples (count, *shape); with --resample the first one of the seed, with one level drawn anew each time."""
    import torch

    if args.resample is None:
        return model.sample(args.count, args.seed, labels, temperature=args.temperature, truncation=args.truncation)
    model.check_level(args.resample)
    return torch.cat([model.redraw(args.resample, 1, args.seed, again) for again in range(args.count)])


def names(labels: Tensor | None, count: int, info: DataInfo) -> list[str]:
    """sample-000000, ..., with the class where there is one."""
    ends = [""] * count if labels is None else [f"-{info.classes[label]}" for label in labels.tolist()]
    return [plain(f"sample-{n:06d}{end}") for n, end in enumerate(ends)]
