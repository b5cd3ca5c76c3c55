"""Parts of models as ONNX and torch.export files: run by onnxruntime and torch, against the model itself."""

import json
import math
import pathlib
import re
import sys
import zipfile

import numpy as np
import pytest
import torch
from needs import needs

from aegean import draw
from aegean.config import UserError
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.data.sets.feed import Feed
from aegean.integrations import export as exports
from aegean.integrations.export import described, export
from aegean.integrations.parts import Part
from aegean.model import Model
from aegean.recipes import RECIPES, smoke
from aegean.recipes.registry import ONLY, SIDES
from aegean.training import mapping
from aegean.training.trainer import Trainer

pytestmark = [pytest.mark.slow, needs("onnx", "onnxscript", "onnxruntime")]

STEPS = 8  # through all phases, away from layers that begin at zero
DIGITS = DataInfo("digits", (1, 8, 8), (127.5,), (127.5,), classes=("0", "1", "2"), class_counts=(1, 1, 1))
ODD = DataInfo("odd", (3, 11, 7), (127.5,), (127.5,))
TABLE = DataInfo("table", (5,), (0.0,) * 5, (1.0,) * 5, dtype="float32")

MORE = [("ae_to_gan", DIGITS, {"conditional": True}), ("ae_to_gan", ODD, {}), ("codec", ODD, {})]
MORE += [(name, TABLE, {}) for name in ("gan", "ae_to_gan", "hierarchical_vae", "stacked_gan")]
MORE += [
    ("gan", DIGITS, {"augment": "translation,cutout,colour"}),
    ("ae_to_gan", DIGITS, {"discriminator": "project", "pixels": True}),
    ("ae_to_gan", DIGITS, {"discriminator": "share", "prior": "gaussian"}),
    ("ae_to_gan", DIGITS, {"prior": "mapping", "conditional": True}),
    ("vae", DIGITS, {"likelihood": "bernoulli"}),
    ("vq_ae", DIGITS, {"quantiser": "residual"}),
    ("stacked_gan", DIGITS, {"levels": 3}),
]


def made(name, info, settings, file):
    """A model of some steps on noise, through all phases, as a file."""
    rng, cpu = np.random.default_rng(0), torch.device("cpu")
    x = (
        rng.integers(0, 255, (200, *info.shape), np.uint8)
        if info.kind == "image"
        else rng.normal(size=(200, *info.shape))
    )
    labels = rng.integers(0, len(info.classes), 200) if info.classes else None
    run = smoke(name, info, STEPS, **settings)
    trainer = Trainer(run, info, Feed(info, x.astype(info.dtype), labels, cpu, 0), cpu)
    for _ in trainer:
        pass
    trainer.model({"recipe": name}).save(file)
    return file


def runner(file):
    """What gives an exported file's output for named inputs, in one batch."""
    if str(file).endswith(".onnx"):
        import onnxruntime

        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        return lambda inputs: torch.from_numpy(session.run(None, {k: v.numpy() for k, v in inputs.items()})[0])
    module = torch.export.load(file).module()
    return lambda inputs: module(**inputs)


def expected(part, model, n, seed):
    """Inputs of n samples, and what the model's own verbs make of them."""
    x = (
        model.info.normalise(torch.rand(n, *model.info.shape) * 255)
        if model.info.kind == "image"
        else torch.randn(n, 5)
    )
    labels = torch.arange(n) % len(model.info.classes) if model.conditional else None
    more = {} if labels is None else {"labels": labels}
    if part == "encoder":
        return {"x": x, **more}, model.encode(x, labels)
    if part == "decoder":
        z = torch.randn(n, model.latent)
        return {"z": z, **more}, model.decode(z, labels)
    if part == "generator":
        streams = Part(part, model).streams
        index = torch.arange(n)
        noise = [draw.normal(draw.key(seed, "verb", name), index, (numbers,)) for name, numbers in streams]
        uniform = draw.uniform(draw.key(seed, "verb", "prior uniform"), index, (1,))
        return {"noise": torch.cat(noise, 1), "uniform": uniform, **more}, model.sample(n, seed, labels)
    with torch.no_grad():
        real = model.wiring(model.nets, Batch(x, labels), noise=unaugmented).real
        logits = real[0].logits if isinstance(real, dict) else real.logits
    return {"x": x, **more}, torch.stack(logits, 1)


def unaugmented(stream, kind, shape):
    assert not math.prod(shape), "only a discriminator without augmentation can be compared so"
    return torch.zeros(1, 0)


def agrees(found, model, file):
    """Two sizes of batch that nobody has checked before, against the verbs."""
    run = runner(file)
    for n in (1, 5):
        inputs, value = expected(found["part"], model, n, seed=n)
        other = run({one["name"]: inputs[one["name"]] for one in found["inputs"]})
        assert other.shape == value.shape
        assert (other - value).abs().max() <= 1e-4, (file, n)


def parts_of(model):
    """What a model has that can leave it."""
    verbs = {"encoder": "encode", "decoder": "decode", "generator": "sample"}
    judges = "D" in model.nets and getattr(model.nets["D"], "pack", 1) == 1
    return [part for part, verb in verbs.items() if verb in model.can()] + ["discriminator"] * judges


def augments(model):
    return any(getattr(net, "augmentation", ()) for net in model.nets["D"].modules())


def chosen():
    """For each case what is exported and how: the parts in which a kind of network stands that no case before it has
    there, wired in the same way; as ONNX if one of those kinds has not been ONNX yet, with classes or of odd sizes. Of
    other data than digits neither what a generator contains, nor the layers of an encoder once more."""
    used = {"encoder": "E bottleneck", "generator": "prior bottleneck G", "decoder": "G", "discriminator": "D E"}
    seen, converted, found = set(), set(), []
    for name, info, settings in [*((name, DIGITS, {}) for name in RECIPES if not (SIDES[name] or ONLY[name])), *MORE]:
        run, formats, made = smoke(name, info, STEPS, **settings), {}, set()
        for part, names in used.items():
            kinds = {
                (kind, run.wiring, info is ODD, "'classes': 3" in str(run.nets[net]))
                for net in names.split()
                if net in run.nets
                for kind in re.findall(r"kind='(\w+)'", str(run.nets[net]))
            }
            inside = "encoder" if part == "discriminator" else "generator" if part == "decoder" else ""
            whole = set(names.split()[:1]) <= set(run.nets)  # else it is refused
            new = {(part, kind) for kind in kinds if whole} or {(part, "")}
            if new <= seen or (info is not DIGITS and inside in made):
                continue
            formats[part] = "onnx" if whole and kinds - converted else "pt2"
            seen |= new
            if whole:
                converted |= kinds
                made.add(part)
        if formats:
            found.append(pytest.param(name, info, settings, formats, id=f"{name} {info.name} {settings or ''}"))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name,info,settings,formats", chosen())
def test_every_part_of_every_recipe_agrees_or_is_refused(name, info, settings, formats, tmp_path, monkeypatch):
    monkeypatch.setattr(mapping, "STEPS", 20)
    file = made(name, info, settings, tmp_path / "model.safetensors")
    model, written = Model.load(file), []
    for part, format in formats.items():
        out = tmp_path / f"{part}.{format}"
        try:
            found = export(file, part, out)
        except UserError as error:
            assert len(str(error).splitlines()) == 1 and not out.exists()
            continue
        written.append(part)
        assert found["difference"] <= 1e-4 and described(out)["inputs"] == found["inputs"]
        if part != "discriminator" or not augments(model):  # its verbs cannot leave augmentation out
            agrees(found, model, out)
    assert set(written) == set(parts_of(model)) & set(formats)


@pytest.mark.parametrize(
    "part,run,format",
    [
        ("encoder", "vae", "onnx"),
        ("decoder", "ae", "pt2"),
        ("generator", "cgan", "pt2"),
        ("discriminator", "cgan", "onnx"),
    ],
)
def test_an_exported_part_gives_what_the_model_gives(part, run, format, tiny_runs, done, tmp_path):
    out = tmp_path / f"new/{part}.{format}"
    said = done("export", tiny_runs / run, "--part", part, "--format", format, "--out", out)
    assert "largest difference" in said and str(out) in said
    agrees(described(out), Model.load(tiny_runs / run), out)
    assert [p.name for p in out.parent.iterdir()] == [out.name]


def test_info_tells_shapes_range_and_opset(tiny_runs, done, tmp_path):
    done("export", tiny_runs / "ae", "--part", "encoder", "--out", tmp_path / "e.onnx")
    found = json.loads(done("info", tmp_path / "e.onnx", "--json"))
    assert found["opset"] == 20 and found["part"] == "encoder" and found["recipe"] == "ae"
    assert found["inputs"] == [
        {"name": "x", "dtype": "float32", "shape": ["n", 1, 8, 8]},
        {"name": "labels", "dtype": "int64", "shape": ["n"]},
    ]
    shown = done("info", tmp_path / "e.onnx")
    assert "opset 20" in shown and "(raw - 127.5) / 127.5" in shown and "0 to 9" in shown
    done("export", tiny_runs / "rows", "--part", "decoder", "--out", tmp_path / "d.pt2")
    shown = done("info", tmp_path / "d.pt2")
    assert "float32 (n, 2)" in shown and "opset" not in shown


def test_an_archive_holds_no_pickle(tiny_runs, tmp_path):
    export(tiny_runs / "vae", "generator", tmp_path / "g.pt2")
    with zipfile.ZipFile(tmp_path / "g.pt2") as archive:
        for name in archive.namelist():
            data = archive.read(name)
            assert not name.endswith(".pkl") and b"data.pkl" not in data and not data.startswith(b"\x80\x02"), name


def test_the_check_is_on_the_runs_own_held_out_data(tiny_runs, tmp_path):
    found = export(tiny_runs / "vae", "encoder", tmp_path / "e.pt2")
    assert "own data" in found["checked"]
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes((tiny_runs / "vae/model.safetensors").read_bytes())
    assert "random" in export(alone, "encoder", tmp_path / "f.pt2")["checked"]


def test_an_export_that_differs_is_refused_and_not_written(tiny_runs, tmp_path, monkeypatch):
    right = exports.to_pt2

    def wrong(module, about):
        data, again = right(module, about)
        return data, lambda inputs: again(inputs) * 1.001

    monkeypatch.setattr(exports, "to_pt2", wrong)
    with pytest.raises(UserError, match="differs from the model by"):
        export(tiny_runs / "vae", "encoder", tmp_path / "e.pt2")
    assert not list(tmp_path.iterdir())


def test_what_is_refused(tiny_runs, refused, done, tmp_path):
    out = tmp_path / "d.onnx"
    words = ["export", tiny_runs / "vae", "--out", out, "--part"]
    assert "no discriminator" in refused(*words, "discriminator")
    assert "encoder" in refused(*words, "encodr")
    assert "no prior" in refused("export", tiny_runs / "ae", "--part", "generator", "--out", out)
    assert "no encoder" in refused("export", tiny_runs / "cgan", "--part", "encoder", "--out", out)
    assert ".pt2" in refused(*words, "encoder", "--format", "pt2")
    assert "ends in .onnx" in refused(
        "export", tiny_runs / "vae", "--part", "encoder", "--format", "onnx", "--out", "e"
    )
    assert ".onnx or .pt2" in refused("export", tiny_runs / "vae", "--part", "encoder", "--out", tmp_path / "e.zip")
    out.write_text("mine")
    assert "--overwrite" in refused(*words, "encoder") and out.read_text() == "mine"
    done(*words, "encoder", "--overwrite")
    assert "was not written by" in refused("info", strangers(tmp_path))
    for name in ("e.onnx", "e.pt2"):
        (tmp_path / name).write_bytes(b"\x08\x99 not such a file")
        assert name in refused("info", tmp_path / name)
        (tmp_path / name).unlink()
        assert name in refused("info", tmp_path / name)


def strangers(folder):
    """An ONNX file that somebody else has made."""
    import onnx

    onnx.save(onnx.ModelProto(ir_version=8), str(folder / "theirs.onnx"))
    return folder / "theirs.onnx"


def test_a_pack_is_refused_in_one_sentence(tmp_path):
    file = made("gan", DIGITS, {"pack": 2}, tmp_path / "m.safetensors")
    with pytest.raises(UserError, match="pack=1"):
        export(file, "discriminator", tmp_path / "d.pt2")


def test_the_python_of_the_page_runs_without_aegean(tiny_runs, done, tmp_path, monkeypatch):
    page = (pathlib.Path(__file__).parents[2] / "docs/export.md").read_text()
    monkeypatch.chdir(tmp_path)
    done("export", tiny_runs / "vae", "--part", "encoder", "--out", "encoder.onnx")
    done("export", tiny_runs / "vae", "--part", "generator", "--out", "generator.pt2")
    first, second = ({}, {})
    for code, names in zip(re.findall(r"```python\n(.*?)```", page, re.DOTALL), (first, second), strict=True):
        assert "aegean" not in code
        exec(code, names)
    assert first["z"].shape == (5, 4) and second["x"].shape == (5, 1, 8, 8)


def test_a_missing_library_is_named_with_its_extra(tiny_runs, refused, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    said = refused("export", tiny_runs / "vae", "--part", "encoder", "--out", tmp_path / "e.onnx")
    assert "onnxscript" in said and "pip install 'aegean[onnx]'" in said


def test_a_description_that_makes_no_sense_is_refused(refused, tmp_path):
    for text in ("[]", "{}", '{"part": 1, "inputs": [1], "outputs": 2, "data": {}, "format": "pt2"}', "\0"):
        with zipfile.ZipFile(tmp_path / "e.pt2", "w") as archive:
            archive.writestr("archive/extra/aegean.json", text)
        assert "e.pt2" in refused("info", tmp_path / "e.pt2")
