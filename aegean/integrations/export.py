"""A part of a model as an ONNX file or a torch.export archive, checked against the model itself before it is written.

A file carries a description as JSON (`described`): of ONNX among the metadata, of a .pt2 archive, a zip, as a member.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import shlex
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aegean import __version__
from aegean.config import JSON_LIMIT, UserError, nearest, parse_json
from aegean.data.kinds import kind_of
from aegean.files import write_atomically
from aegean.integrations.parts import OUTPUTS, Part, check, seeded
from aegean.model import Model
from aegean.session.runs import home, load, own_data
from aegean.surface import option

FORMATS = ("onnx", "pt2")
OPSET = 20  # of the ONNX standard: what the exporter writes without a conversion
BATCHES = (1, 2, 13)  # samples in the batches of the check
TOLERANCE = 1e-4  # of the largest difference, times the largest value where that is above 1
FLIPPED = 1e-3  # share of a quantiser's numbers that may fall on the other side of an edge
LARGEST = 2**31 - 2**24  # bytes of weights in one ONNX file, whose format ends at 2 GiB
KEY = "aegean"
MEMBER = f"extra/{KEY}.json"

Run = Callable[[dict[str, Tensor]], Tensor]


def export(run: str | Path, part: str, file: str | Path, format: str = "") -> dict[str, Any]:
    """Write a part of a run's model ("encoder", "decoder", "generator", "discriminator") to `file`.

    format: "onnx" or "pt2"; by the file's ending without it. The file takes a batch of any size. It is written only
    after what it gives agrees with the model on the run's own data (on seeded random inputs where they are not there),
    in batches of 1, 2 and 13. What `described` says of the file comes back, with `difference` (the largest of all
    numbers), `tolerance` and `checked` (on what). UserError: no such part or format, a library is missing, the file
    would differ by more than the tolerance.
    """
    file = Path(file)
    format = format or file.suffix.lower().removeprefix(".")
    if part not in OUTPUTS:
        raise UserError(f"There is no part {part!r}.{nearest(part, OUTPUTS)}")
    if format not in FORMATS:
        raise UserError(f"There is no format {format!r}.{nearest(format, FORMATS)}")
    if format == "onnx":
        need_onnx()
    model = load(run)
    check(part, model, shlex.quote(str(run)))
    module = Part(part, model)
    about = description(module, model, format)
    samples, where = real_inputs(run, model, module)
    with quiet():
        data, again = {"onnx": to_onnx, "pt2": to_pt2}[format](module, about)
        about |= {**agreement(module, again, samples), "checked": where}
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, data)
    return {"file": str(file), "bytes": len(data), **about}


def description(module: Part, model: Model, format: str) -> dict[str, Any]:
    """What a file says of itself, as plain values: shapes begin with "n", the batch."""
    info = model.info
    with torch.no_grad():
        out = module(**{key: seeded(key, shape, 2) for key, shape in module.inputs.items()})
    return {
        "format": format,
        "part": module.name,
        "recipe": model.about.get("recipe"),
        "inputs": [
            {"name": key, "dtype": "int64" if key == "labels" else "float32", "shape": ["n", *shape]}
            for key, shape in module.inputs.items()
        ],
        "outputs": [{"name": module.output, "dtype": "float32", "shape": ["n", *out.shape[1:]]}],
        "noise": [{"stream": name, "numbers": numbers} for name, numbers in module.streams],
        "opset": OPSET if format == "onnx" else None,
        "data": {
            "name": info.name,
            "shape": list(info.shape),
            "dtype": info.dtype,
            "offset": list(info.offset),
            "scale": list(info.scale),
            "classes": list(info.classes),
        },
        "versions": {"aegean": __version__, "torch": torch.__version__},
    }


# formats


def traced(module: Part) -> Any:
    """The program of a part, for a batch of any size."""
    example = {key: seeded(key, shape, 3) for key, shape in module.inputs.items()}
    shapes = {key: {0: torch.export.Dim.DYNAMIC} for key in example}
    return torch.export.export(module, (), example, dynamic_shapes=shapes)


def to_pt2(module: Part, about: dict[str, Any]) -> tuple[bytes, Run]:
    """The bytes of an archive, and what runs it. Without the example inputs, the one thing in it that torch pickles."""
    program = traced(module)
    program.example_inputs = None
    out = io.BytesIO()
    torch.export.save(program, out, extra_files={f"{KEY}.json": json.dumps(about)})
    again = torch.export.load(io.BytesIO(out.getvalue())).module()
    return out.getvalue(), lambda inputs: again(**inputs)


def to_onnx(module: Part, about: dict[str, Any]) -> tuple[bytes, Run]:
    """The bytes of an ONNX file, and what runs it: onnxruntime, on the processor."""
    import onnxruntime

    size = sum(value.nbytes for value in module.state_dict().values())
    if size > LARGEST:
        raise UserError(
            f"{size:,} bytes of weights do not fit into one ONNX file, at most 2 GiB; take {option('format', 'pt2')}."
        )
    program = torch.onnx.export(
        traced(module),
        dynamo=True,
        opset_version=OPSET,
        external_data=False,
        verbose=False,
        input_names=list(module.inputs),
        output_names=[module.output],
    )
    assert program is not None
    program.model.metadata_props[KEY] = json.dumps(about)
    data = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])

    def again(inputs: dict[str, Tensor]) -> Tensor:
        return torch.from_numpy(session.run(None, {key: value.numpy() for key, value in inputs.items()})[0])

    return data, again


def need_onnx() -> None:
    """UserError: one of the libraries is missing."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError(f"ONNX files need the library {error.name}: pip install 'aegean[onnx]'") from None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The exporters warn of their own insides, and of libraries that nobody needs here."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


# the check


def real_inputs(run: str | Path, model: Model, module: Part) -> tuple[dict[str, Tensor], str]:
    """Inputs for all batches of the check, and what they are in words."""
    n, classes = sum(BATCHES), len(model.info.classes)
    inputs = {key: seeded(key, shape, n, classes) for key, shape in module.inputs.items()}
    if "noise" in inputs:
        return inputs, "seeded noise"
    found = own_samples(run, n)
    x, labels = found or (random_samples(model, n), seeded("labels", (), n, classes) if classes else None)
    if "x" in inputs:
        inputs["x"] = x
    elif "encode" in model.can():
        inputs["z"] = model.encode(x, labels if model.conditional else None)
    else:
        return inputs, "seeded noise"
    if "labels" in inputs and labels is not None:
        inputs["labels"] = labels
    what = "samples of the run's own data" if found else "seeded random samples, as the run's data are not there"
    return inputs, what if "x" in inputs else f"the latents of {what}"


def own_samples(run: str | Path, n: int) -> tuple[Tensor, Tensor | None] | None:
    """n held-out samples of a run's own data in the model's range, and their labels; None where they are not there."""
    try:
        folder = home(run)
        dataset = own_data(folder.path, folder.read())
    except UserError:
        return None
    chosen = np.arange(n) % len(dataset.test)
    labels = None if dataset.test_labels is None else torch.as_tensor(dataset.test_labels[chosen]).long()
    return dataset.info.normalise(dataset.test[chosen]), labels


def random_samples(model: Model, n: int) -> Tensor:
    """Samples in the range of the model's data: even over it, or N(0, 1) where that has no bounds."""
    shape = tuple(model.info.shape)
    return 2 * seeded("uniform", shape, n) - 1 if kind_of(model.info).bounded else seeded("x", shape, n)


@torch.no_grad()
def agreement(module: Part, again: Run, samples: dict[str, Tensor]) -> dict[str, float]:
    """The largest difference between a part and its export over all batches, and how much is allowed.

    Of a quantiser's numbers a few may fall on the other side of an edge, which is no fault; they are not measured.
    UserError: the difference is larger, or the export gives another shape.
    """
    batches = [dict(zip(samples, parts)) for parts in zip(*(value.split(BATCHES) for value in samples.values()))]
    eager, exported = ([run(batch) for batch in batches] for run in (lambda batch: module(**batch), again))
    if [a.shape for a in eager] != [b.shape for b in exported]:
        raise UserError("The exported part gives other shapes than the model; please report it with the run's config.")
    value, other = torch.cat(eager), torch.cat(exported)
    tolerance = TOLERANCE * max(1.0, float(value.abs().max()))
    gap = (value - other).abs()
    quantised = module.name == "encoder" and hasattr(module.nets["bottleneck"], "to_symbols")
    if quantised and (gap > tolerance).float().mean() <= FLIPPED:
        gap = gap[gap <= tolerance]
    difference = float(gap.max())
    if not difference <= tolerance:
        raise UserError(
            f"The exported {module.name} differs from the model by {difference:.2g}, more than the {tolerance:.2g} "
            "that rounding explains; nothing was written. Please report it with the run's config."
        )
    return {"difference": difference, "tolerance": tolerance}


# what is in a file


def described(file: str | Path) -> dict[str, Any]:
    """What a file of `export` says of itself (see `description`). UserError: it is no such file, or damaged."""
    path = Path(file)
    read = _onnx_text if path.suffix.lower() == ".onnx" else _pt2_text
    text = read(path)
    if text is None:
        raise UserError(f"{path} was not written by `aegean export`: it does not say what it holds.")
    found = parse_json(text, str(path))
    if not isinstance(found, dict) or not {"part", "inputs", "outputs", "data", "format"} <= found.keys():
        raise UserError(f"{path} does not say what it holds; export it again.")
    return {"file": str(path), "bytes": path.stat().st_size, **found}


def _pt2_text(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if one.filename.endswith(f"/{MEMBER}")]
            if not members or members[0].file_size > JSON_LIMIT:
                return None
            return archive.read(members[0]).decode()
    except (zipfile.BadZipFile, zipfile.LargeZipFile, UnicodeDecodeError, EOFError, NotImplementedError) as error:
        raise UserError(f"{path} is not a readable .pt2 file ({error}); export it again.") from None


def _onnx_text(path: Path) -> str | None:
    need_onnx()
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(path), load_external_data=False)
    except DecodeError as error:
        raise UserError(f"{path} is not a readable .onnx file ({error}); export it again.") from None
    return next((prop.value for prop in model.metadata_props if prop.key == KEY), None)
