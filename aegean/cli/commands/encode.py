"""encode: inputs to latents."""

from __future__ import annotations

import argparse

from aegean.cli.options import through
from aegean.cli.outputs import npz, target, tell, write
from aegean.cli.parser import Parser
from aegean.surface import plural


def options(p: Parser) -> None:
    p.examples("aegean encode runs/vae digits --out z.npz")
    through(p, "latents.npz")


def run(args: argparse.Namespace) -> None:
    path, _ = target(args.out, (".npz",), args.overwrite)
    import numpy as np

    from aegean.cli.models import inputs, opened

    model = opened(args.run, "encode")
    names, raw, labels = inputs(args, model)
    z = model.encode(model.info.normalise(raw), labels).cpu().numpy()
    more = {} if labels is None else {"labels": labels.cpu().numpy()}
    write(path, npz(z=z, names=np.array([name.replace("\0", "") for name in names]), **more))
    tell(f"{path}: {plural(len(z), 'latent')} of {plural(z.shape[1], 'dimension')}")
