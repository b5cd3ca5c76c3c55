"""export: a part of a model for other programs."""

from __future__ import annotations

import argparse

from aegean.cli.options import a_run, out, overwrite
from aegean.cli.outputs import FOLDER, target, tell
from aegean.cli.parser import Parser
from aegean.config import UserError

ENDINGS = (".onnx", ".pt2")


def options(p: Parser) -> None:
    p.examples(
        "aegean export runs/vae --part encoder --format onnx --out encoder.onnx",
        "aegean export runs/tuned --format diffusers --out tuned-vae/",
    )
    a_run(p)
    p.add_argument("--part", metavar="PART", help="encoder, decoder, generator, discriminator, restorer, translator")
    p.add_argument("--format", choices=("onnx", "pt2", "diffusers"), help="default: by the ending of --out")
    out(p, "file.onnx (pip install 'aegean[onnx]'), file.pt2 or, for diffusers, folder/")
    overwrite(p)


def run(args: argparse.Namespace) -> None:
    if args.format == "diffusers":
        return to_diffusers(args)
    if args.part is None:
        raise UserError("--part: expected encoder, decoder, generator, discriminator, restorer or translator.")
    path, kind = target(args.out, (f".{args.format}",) if args.format else ENDINGS, args.overwrite)
    from aegean.cli.exports import description
    from aegean.integrations.agreement import BATCHES
    from aegean.integrations.export import export

    found = export(args.run, args.part, path, kind.removeprefix("."))
    tell(description(found))
    batches = f"batches of {', '.join(map(str, BATCHES[:-1]))} and {BATCHES[-1]}"
    tell(
        f"{path}: written; the largest difference from the model is {found['difference']:.2g} (at most "
        f"{found['tolerance']:.2g} is let through), on {found['checked']} in {batches}"
    )


def to_diffusers(args: argparse.Namespace) -> None:
    if args.part is not None:
        raise UserError("--format diffusers writes a whole autoencoder; leave --part out.")
    path, _ = target(args.out, (FOLDER,), args.overwrite)
    from aegean import diffusers
    from aegean.session.runs import load

    difference = diffusers.write(load(args.run), path)
    tell(f"{path}: written; what diffusers makes of it differs by {difference:.2g} from the model")
