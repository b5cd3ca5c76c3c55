"""Restorers and translators outside of aegean: a batch of any size, pictures of any height and width."""

import pytest
import torch

from aegean.data.info import DataInfo
from aegean.integrations.export import export
from aegean.model import Model
from aegean.recipes import smoke
from aegean.testing import away_from_zero, with_sides
from aegean.training.trainer import build

INFO = DataInfo("made", (1, 12, 20), (127.5,), (127.5,))


@pytest.mark.slow
@pytest.mark.parametrize("recipe,settings", [("restore", {"damage": "holes"}), ("translate", {}), ("unit", {})])
def test_an_exported_part_takes_pictures_of_any_size(recipe, settings, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'aegean[onnx]'")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed: pip install 'aegean[onnx]'")
    info = with_sides(recipe, INFO)
    run = smoke(recipe, info, width=4, blocks=1, **settings)
    nets = build(run)
    for network in nets.values():
        away_from_zero(network)
    if "placing" in nets:
        nets["placing"].mean[1] = torch.tensor([0.1, -0.1, 0.2, 0.3])
    keep = {name: spec for name, spec in run.nets.items() if name not in run.training_only}
    model = Model(keep, {name: nets[name] for name in keep}, info, wiring=run.wiring)
    model.save(tmp_path / "model.safetensors")
    part = "restorer" if recipe == "restore" else "translator"
    export(tmp_path / "model.safetensors", part, tmp_path / "part.onnx")
    inputs = {"x": torch.rand(3, 1, 40, 64) * 2 - 1}
    if recipe == "restore":
        inputs["mask"] = (torch.rand(3, 1, 40, 64) > 0.7).float()
        wanted = model.restore(inputs["x"], inputs["mask"])
    else:
        wanted = model.translate(inputs["x"])
    session = onnxruntime.InferenceSession(tmp_path / "part.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    torch.testing.assert_close(torch.from_numpy(found), wanted, rtol=0, atol=1e-4)
