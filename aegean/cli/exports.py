"""What `info` tells of an exported file."""

from __future__ import annotations

from typing import Any

from aegean.cli.outputs import facts
from aegean.config import UserError
from aegean.integrations import export


def described(file: str) -> dict[str, Any]:
    """What an exported file says of itself. UserError: it is no such file, or damaged."""
    found = export.described(file)
    try:
        description(found)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise UserError(f"{file} does not say what it holds in the words of this version; export it again.") from None
    return found


def description(found: dict[str, Any]) -> str:
    """`described` as text."""
    data = found["data"]
    rows = [
        ("part", f"{found['part']} of {found['recipe']}, {found['bytes']:,} bytes"),
        ("format", f"ONNX, opset {found['opset']}" if found.get("opset") else "torch.export archive (.pt2)"),
    ]
    rows += [(f"input {one['name']}", f"{_shape(one)}: {_meaning(one['name'], found)}") for one in found["inputs"]]
    rows += [(f"output {one['name']}", f"{_shape(one)}: {_meaning(one['name'], found)}") for one in found["outputs"]]
    rows.append(("data", f"{data['name']}: {'x'.join(map(str, data['shape']))}, {data['dtype']}"))
    return facts(rows)


def _shape(one: dict[str, Any]) -> str:
    return f"{one['dtype']} ({', '.join(map(str, one['shape']))})"


def _meaning(name: str, found: dict[str, Any]) -> str:
    data = found["data"]
    if name == "x":
        offset, scale = data["offset"], data["scale"]
        one = len(offset) == len(scale) == 1
        by = f"(raw - {offset[0]:g}) / {scale[0]:g}" if one else "(raw - offset) / scale, one of each a column"
        bounds = ", from -1 to 1" if len(data["shape"]) == 3 else ""
        return f"the model's range, {by}{bounds}"
    if name == "labels":
        return f"the class, 0 to {len(data['classes']) - 1}"
    if name == "noise":
        return "from N(0, 1): " + ", ".join(f"{one['numbers']} for {one['stream']}" for one in found["noise"])
    return {
        "z": "the latent",
        "uniform": "from (0, 1): chooses the prior's component",
        "x_hat": "the restored or translated images, in the model's range of them",
        "mask": "above 0 in holes",
        "logits": "one a head, higher for real; without augmentation",
    }[name]
