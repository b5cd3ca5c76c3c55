"""Parts of a model as ONNX and .pt2 files beside the model: how far apart, how large, how fast.

    python benchmarks/export.py RUN [--picture FILE.png]

RUN is a folder of `aegean train`. Every part that the model has is exported in both formats. "difference" is the
largest that the check of `aegean export` finds; "ms" are the processor's for 64 samples, by the file and by the model:
the median of 20 calls of each by turns. The picture shows held-out samples, what the model makes of them through its
encoder and decoder, what the exported files make of them, and how far those are from the model, times `ZOOM`. The last
line is JSON.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import arguments, finish, note, rounded, show
from torch import Tensor

import aegean
from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.data.io.show import as_pictures, labelled
from aegean.integrations.agreement import own_samples
from aegean.integrations.export import FORMATS, export
from aegean.integrations.parts import OUTPUTS, Part, seeded
from aegean.model import Model

CPU = torch.device("cpu")
SAMPLES, CALLS, SHOWN = 64, 20, 10
ZOOM = 1e6
Run = Callable[..., Tensor]


def runner(file: Path) -> Run:
    """What gives a file's output for inputs by name: onnxruntime with as many threads as torch has, or torch."""
    if file.suffix == ".pt2":
        return torch.export.load(file).module()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return lambda **inputs: torch.from_numpy(session.run(None, {key: x.numpy() for key, x in inputs.items()})[0])


def milliseconds(runs: dict[str, Run], inputs: dict[str, Tensor], calls: int) -> dict[str, float]:
    """The median over calls, after one that is not counted, of the processor's time."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for call in range(calls + 1):
        for name, run in runs.items():
            start = time.process_time()
            run(**inputs)
            if call:
                times[name].append(time.process_time() - start)
    return {name: 1000 * float(np.median(values)) for name, values in times.items()}


@torch.no_grad()
def measured(run: Path, model: Model, part: str, folder: Path, calls: int) -> dict[str, Any] | None:
    """Numbers of one part; None where the model lacks it."""
    try:
        module = Part(part, model)
    except UserError as error:
        note(str(error))
        return None
    found: dict[str, Any] = {}
    files = {format: folder / f"{part}.{format}" for format in FORMATS}
    for format, file in files.items():
        about = export(run, part, file)
        found |= {f"{format}_difference": about["difference"], f"{format}_bytes": about["bytes"]}
    inputs = {key: seeded(key, shape, SAMPLES, len(model.info.classes)) for key, shape in module.inputs.items()}
    times = milliseconds({"model": module, **{name: runner(file) for name, file in files.items()}}, inputs, calls)
    return found | {f"{name}_ms": rounded(value, 3) for name, value in times.items()}


@torch.no_grad()
def picture(model: Model, x: Tensor, folder: Path) -> bytes:
    """Samples x (n, *shape) and what becomes of them: by the model, by the files of both formats, the difference."""
    info = model.info
    ours = model.decode(model.encode(x))
    rows, sheets = ["held out", "the model"], [info.restore(x), info.restore(ours)]
    for format in FORMATS:
        encoder, decoder = (runner(folder / f"{part}.{format}") for part in ("encoder", "decoder"))
        theirs = decoder(z=encoder(x=x))
        apart = (theirs - ours).abs() * ZOOM - 1  # from black
        rows += [f".{format}", f"apart x {ZOOM:.0e}"]
        sheets += [info.restore(theirs), info.restore(apart.clamp(-1, 1))]
    pictures = np.concatenate([as_pictures(sheet, info) for sheet in sheets])
    return labelled(pictures, rows, [str(i + 1) for i in range(len(x))])


def can_be_shown(model: Model, info: DataInfo) -> bool:
    return info.kind == "image" and not model.conditional and {"encode", "decode"} <= set(model.can())


def main() -> None:
    parser = arguments("Parts of a model as ONNX and .pt2 files beside the model.")
    parser.add_argument("run", type=Path, nargs="?", help="a folder of `aegean train`")
    parser.add_argument("--picture", type=Path, help="a .png of samples through the files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run, calls = options.run, CALLS
        if options.quick:
            run, calls, settings = folder / "run", 2, {"width": 8, "latent": 4, "batch": 16}
            options.picture = options.picture or folder / "quick.png"
            aegean.train("ae", "digits", run, images=160, evaluations=1, settings=settings)
        if run is None:
            parser.error("give a folder of `aegean train`.")
        model = aegean.load(run)
        results = {part: found for part in OUTPUTS if (found := measured(run, model, part, folder, calls))}
        headings = ("", *next(iter(results.values())))
        show(
            f"{model.about.get('recipe')} of {model.info.name}",
            headings,
            [(k, *v.values()) for k, v in results.items()],
        )
        if options.picture and can_be_shown(model, model.info) and (found := own_samples(run, SHOWN)):
            options.picture.write_bytes(picture(model, found[0], folder))
    finish("export", CPU, results=results)


if __name__ == "__main__":
    main()
