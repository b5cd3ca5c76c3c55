"""A part of a model as an ONNX file or a torch.export archive, checked against the model itself before it is written.

A file carries a description as JSON (`described`): of ONNX among the metadata, of a .pt2 archive, a zip, as a member.
"""

from __future__ import annotations

import io
import json
import shlex
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aegean import __version__
from aegean.config import JSON_LIMIT, UserError, nearest, parse_json
from aegean.files import write_atomically
from aegean.integrations.agreement import Run, agreement, real_inputs
from aegean.integrations.parts import OUTPUTS, Part, check, seeded
from aegean.model import Model
from aegean.session.runs import load
from aegean.surface import option, quiet

FORMATS = ("onnx", "pt2")
OPSET = 20  # of the ONNX standard: what the exporter writes without a conversion
LARGEST = 2**31 - 2**24  # bytes of weights in one ONNX file, whose format ends at 2 GiB
KEY = "aegean"
MEMBER = f"extra/{KEY}.json"


def export(run: str | Path, part: str, file: str | Path, format: str = "") -> dict[str, Any]:
    """Write a part of a run's model to a file, which takes a batch of any size.

    It is written only after what it gives agrees with the model on the run's own data (on seeded random inputs where
    they are not there), in batches of 1, 2 and 13.

    part: "encoder", "decoder", "generator", "discriminator", "restorer" or "translator".
    format: "onnx" or "pt2"; by the file's ending without it.
    Returns what `described` says of the file, with `difference` (the largest of all values), `tolerance` and `checked`
    (on what). UserError: no such part or format, a library is missing, the file would differ by more than the
    tolerance.
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
    with quiet("torch.onnx"), warnings.catch_warnings():  # of the exporters' insides, and libraries not needed here
        warnings.simplefilter("ignore")
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
            {"name": key, "dtype": "int64" if key == "labels" else "float32", "shape": ["n", *_shape(shape, module)]}
            for key, shape in module.inputs.items()
        ],
        "outputs": [{"name": module.output, "dtype": "float32", "shape": ["n", *_shape(out.shape[1:], module)]}],
        "noise": [{"stream": name, "numbers": numbers} for name, numbers in module.streams],
        "opset": OPSET if format == "onnx" else None,
        "data": {
            "name": info.name,
            "shape": list(info.shape),
            "dtype": info.dtype,
            "offset": list(info.offset),
            "scale": list(info.scale),
            "classes": list(info.classes),
            **({"vocabulary": list(info.vocabulary)} if info.vocabulary else {}),
        },
        "versions": {"aegean": __version__, "torch": torch.__version__},
    }


def _shape(shape: Sequence[int], module: Part) -> list[int | str]:
    """The shape of a sample; of a part for pictures of any size its sides in words."""
    sides = [f"{module.stride} rows", f"{module.stride} columns"]
    return [shape[0], *sides] if module.stride > 1 else list(shape)


# formats


def traced(module: Part) -> Any:
    """The program of a part, for a batch of any size."""
    example = {key: seeded(key, shape, 3) for key, shape in module.inputs.items()}
    sides: dict[int, Any] = {}
    if module.stride > 1:
        sides = {axis: module.stride * torch.export.Dim(name, min=2) for axis, name in ((2, "rows"), (3, "columns"))}
    shapes = {key: {0: torch.export.Dim.DYNAMIC, **sides} for key in example}
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
