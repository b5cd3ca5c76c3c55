"""Model files of strangers: read with limits, refused in words, and nothing of them read before it is known to fit."""

import json
import os
import struct
import time
from importlib import util
from pathlib import Path

import pytest
import safetensors
import torch
from safetensors.torch import load_file, save_file

from aegean.config import JSON_LIMIT, UserError, from_json, net
from aegean.data.info import DataInfo
from aegean.latent import Identity
from aegean.model import Model
from aegean.nets import MLPDecoder, MLPEncoder

ROWS = DataInfo("rows", (4,), (0.0,), (1.0,), "float32")


SCRIPT = Path(__file__).parent.parent.parent / "benchmarks" / "fuzz_models.py"


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    specs = {
        "E": net(MLPEncoder, shape=[4], widths=[8]),
        "bottleneck": net(Identity, level=[8], latent=2),
        "G": net(MLPDecoder, shape=[4], latent=2, widths=[8]),
    }
    return Model(specs, {name: spec.build() for name, spec in specs.items()}, ROWS)


def test_columns_that_float32_would_blur_survive_their_file(model, tmp_path):
    info = ROWS.replace(offset=(1.7e9, 0.0, 0.0, 0.0), scale=(300.0, 1.0, 1.0, 1.0), dtype="float64")
    Model(model.specs, model.nets, info).save(tmp_path / "model.safetensors")
    assert Model.load(tmp_path / "model.safetensors").info == info


@pytest.fixture
def file(model, tmp_path):
    model.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def rewritten(file, tensors=None, **changes):
    """The same file with other tensors, or other entries of its description."""
    with safetensors.safe_open(str(file), "pt") as opened:
        header = json.loads(opened.metadata()["aegean"])
    out = file.with_name("changed.safetensors")
    save_file(load_file(file) if tensors is None else tensors, out, {"aegean": json.dumps({**header, **changes})})
    return out


def test_a_file_gives_the_model_that_was_saved(model, file):
    loaded, x = Model.load(file), torch.rand(3, 4)
    assert torch.equal(loaded.reconstruct(x), model.reconstruct(x)) and loaded.can() == model.can()
    assert torch.equal(Model.load(file.parent).encode(x), model.encode(x))  # the folder that holds it


@pytest.mark.parametrize("kind", ["fifo", "device", "folder of a fifo"])
def test_what_is_no_file_is_refused_at_once(tmp_path, kind):
    path = tmp_path / "model.safetensors"
    if kind == "device":
        path.symlink_to("/dev/zero")
    else:
        os.mkfifo(path)
    with pytest.raises(UserError, match="not a file"):
        Model.load(tmp_path if kind == "folder of a fifo" else path)


def raw(file, header, data=b""):
    """A safetensors file by hand."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return file


def test_a_file_of_very_many_tensors_is_refused_before_any_is_read(tmp_path):
    """300,000 of them, as a header alone and with a description that names none of them."""
    entry = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    header = "{" + ",".join(f'"E.{number}":{entry}' for number in range(300_000)) + "}"
    many = raw(tmp_path / "many.safetensors", header.encode())
    start = time.process_time()
    with pytest.raises(UserError, match="not a readable"):
        Model.load(many)
    assert time.process_time() - start < 1


@pytest.mark.slow
def test_as_many_tensors_as_a_header_holds_are_refused_in_seconds(file, tmp_path):
    with safetensors.safe_open(str(file), "pt") as opened:
        text = opened.metadata()["aegean"]
    count = (JSON_LIMIT - 10_000) // 65
    entries = ",".join(f'"E.{n:07d}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for n in range(count))
    header = json.dumps({"__metadata__": {"aegean": text}})[:-1] + f",{entries}}}"
    many = raw(tmp_path / "many.safetensors", header.encode())
    assert JSON_LIMIT * 0.8 < many.stat().st_size < JSON_LIMIT
    start = time.process_time()
    with pytest.raises(UserError, match="do not fit"):
        Model.load(many)
    assert time.process_time() - start < 5


F32 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
HEADERS = {
    "a huge length": (struct.pack("<Q", 1 << 62), "not a readable"),
    "a length beyond the file": (struct.pack("<Q", 1000) + b"{}", "not a readable"),
    "a length of nothing": (struct.pack("<Q", 0), "not a readable"),
    "less than a length": (b"abc", "not a readable"),
    "no file at all": (b"", "not a readable"),
    "an endless list": (struct.pack("<Q", 100_000) + b"[" * 100_000, "not readable"),
    "the same name twice": (
        struct.pack("<Q", 200) + f'{{"a": {json.dumps(F32)}, "a": {json.dumps(F32)}}}'.encode().ljust(200) + bytes(4),
        "stands there twice",
    ),
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_header_that_makes_no_sense_is_refused(tmp_path, what):
    content, words = HEADERS[what]
    file = tmp_path / "odd.safetensors"
    file.write_bytes(content)
    with pytest.raises(UserError, match=words):
        Model.load(file)


OFFSETS = {
    "overlapping": {"a": {**F32, "data_offsets": [0, 4]}, "b": {**F32, "data_offsets": [2, 6]}},
    "with a gap": {"a": {**F32, "data_offsets": [0, 4]}, "b": {**F32, "data_offsets": [8, 12]}},
    "backwards": {"a": {**F32, "data_offsets": [4, 0]}},
    "beyond the end": {"a": {**F32, "data_offsets": [0, 1 << 40]}},
    "of another size": {"a": {**F32, "shape": [1 << 40]}},
    "of a size that overflows": {"a": {**F32, "shape": [1 << 62, 1 << 62]}},
    "of no type": {"a": {**F32, "dtype": "F31"}},
}


@pytest.mark.parametrize("what", OFFSETS)
def test_tensors_that_do_not_lie_one_after_the_other_are_refused(tmp_path, what):
    with pytest.raises(UserError):
        Model.load(raw(tmp_path / "odd.safetensors", OFFSETS[what], bytes(12)))


def test_tensors_that_no_network_has_are_refused(file):
    for tensors in (
        {**load_file(file), "E.more": torch.zeros(3)},
        {**load_file(file), "other": torch.zeros(3)},
        {key: value for key, value in load_file(file).items() if key != "E.stem.bias"},
    ):
        with pytest.raises(UserError, match="do not fit"):
            Model.load(rewritten(file, tensors))


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex64, torch.bool], ids=str)
def test_weights_of_another_type_of_number_are_refused(file, dtype):
    tensors = load_file(file)
    tensors["E.stem.bias"] = tensors["E.stem.bias"].to(dtype)
    with pytest.raises(UserError, match=r"describe a whole model|not a readable"):
        Model.load(rewritten(file, tensors))


def test_weights_in_half_precision_are_read(file, model):
    half = rewritten(file, {key: value.half() for key, value in load_file(file).items()})
    x = torch.rand(3, 4)
    torch.testing.assert_close(Model.load(half).encode(x), model.encode(x), atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize(
    "info",
    [{"kind": "smell"}, {"kind": "image"}, {"kind": 3}, {"shape": [4, 4]}, {"shape": [2.5]}, {"scale": ["1"]},
     {"classes": 3}, {"name": [1]}, {"count": "many"}, {"dtype": "complex64"}],
    ids=str,
)  # fmt: skip
def test_data_that_make_no_sense_are_refused(file, info):
    with safetensors.safe_open(str(file), "pt") as opened:
        described = json.loads(opened.metadata()["aegean"])["info"]
    with pytest.raises(UserError):
        Model.load(rewritten(file, info={**described, **info})).reconstruct(torch.zeros(2, *info.get("shape", [4])))


@pytest.mark.parametrize(("net", "argument", "value"), [("E", "shape", [5]), ("G", "latent", 3), ("G", "shape", [5])])
def test_networks_that_do_not_fit_together_are_refused(file, tmp_path, net, argument, value):
    """Each with its own tensors, as its description says; together they make no model."""
    with safetensors.safe_open(str(file), "pt") as opened:
        nets = json.loads(opened.metadata()["aegean"])["nets"]
    nets[net]["args"][argument] = value
    other = {f"{net}.{key}": part for key, part in from_json(nets[net]).build().state_dict().items()}
    changed = rewritten(file, {**load_file(file), **other}, nets=nets)
    with pytest.raises(UserError, match="make it again"):
        Model.load(changed).reconstruct(torch.zeros(2, 4))


def test_a_file_is_written_whole_or_not_at_all(model, file, monkeypatch):
    before = file.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises((UserError, OSError), match=r"[Nn]o space left"):
        model.save(file)
    assert file.read_bytes() == before and [p.name for p in file.parent.iterdir()] == [file.name]


@pytest.mark.slow
def test_mutated_files_are_read_or_refused_in_words():
    """Of the mutations that `benchmarks/fuzz_models.py` tries by the ten thousand."""
    spec = util.spec_from_file_location("fuzz_models", SCRIPT)
    script = util.module_from_spec(spec)
    spec.loader.exec_module(script)
    found = script.fuzz(100)
    assert not found["faults"] and found["refused"] > 60
