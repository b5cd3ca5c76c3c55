"""A kind of data is a row in each table of kinds and nothing else: shown with one that is made up here."""

import importlib
import io
import json
import pkgutil

import numpy as np
import pytest
from PIL import Image
from torch import nn

import aegean
from aegean.config import UserError
from aegean.data import kinds as data_kinds
from aegean.data.info import DataInfo
from aegean.data.read.source import Reader, Source, Want, array_part, ends_in
from aegean.data.read.vocabulary import FIRST, vocabulary_of
from aegean.metrics import kinds as metrics_kinds
from aegean.nets import kinds as nets_kinds
from aegean.report import kinds as report_kinds
from aegean.testing import check_kind

TABLES = {
    module.name: importlib.import_module(module.name).KINDS
    for module in pkgutil.walk_packages(aegean.__path__, "aegean.")
    if module.name.endswith(".kinds")
}
NEEDED = [f"aegean.{room}.kinds" for room in ("data", "nets", "metrics", "report")]  # to train, measure and compare


# the toy: signals (channels, length), in files that end in .toy


def read_toy(files, want):
    content = json.loads(files.path.read_text())
    x, y = np.array(content["x"], np.float32), np.array(content["y"], np.int64)
    return Source(
        str(files.path), "waves", "signal", x.shape[1:], "float32", array_part(x, y), classes=("slow", "fast"),
        range=(-1.0, 1.0),
    )  # fmt: skip


def write_toy(raw, names, folder, info):
    path = folder / "samples.toy"
    path.write_text(json.dumps({"x": raw.clip(-1, 1).tolist(), "y": [0] * len(raw)}))
    return [path]


def drawn(raw):
    """Signals (n, channels, length) as a PNG: a row of pixels for each."""
    out = io.BytesIO()
    pixels = (127.5 + 127.5 * np.clip(raw, -1, 1)).astype(np.uint8)
    Image.fromarray(pixels.reshape(-1, raw.shape[-1])).save(out, "PNG")
    return out.getvalue()


def draw(drawing):
    return report_kinds.image(drawn(drawing.raw), drawing.words)


def trunk(info):
    channels, length = info.shape
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * length, metrics_kinds.WIDTH), nn.ReLU())


ROWS = {
    data_kinds: data_kinds.Kind(
        "signal",
        "signals",
        lambda info: "{} channels of {} values".format(*info.shape),
        bounded=True,
        want=lambda info, skip_bad: Want(skip_bad=skip_bad, ranged=True),
        show=lambda groups, info, columns: drawn(np.concatenate(list(groups.values()))),
        write=write_toy,
        readers=(Reader(ends_in(".toy"), read_toy),),
    ),
    nets_kinds: nets_kinds.Kind(("mlp",), width=lambda shape: 2, latent=lambda shape, count: 3),
    metrics_kinds: metrics_kinds.Kind(
        trunk, augment=lambda x, g: x, view=None, quality=lambda info: {"mse": metrics_kinds.MSE}
    ),
    report_kinds: report_kinds.Kind(
        count=lambda info: 20,
        pairs=6,
        bases=2,
        draws=6,
        held_out=draw,
        sheet=draw,
        strip=draw,
        overlaid=False,
    ),
}


@pytest.fixture
def signal(monkeypatch):
    """The kind "signal" in every table that training, measuring and comparing need."""
    for module, row in ROWS.items():
        monkeypatch.setitem(module.KINDS, "signal", row)


@pytest.fixture
def waves(tmp_path):
    """A .toy file of slow and fast waves in two channels, 12 values each."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    t = np.arange(12) * (1 + y[:, None]) / 3 + rng.uniform(0, 6, (300, 1))
    x = np.stack((np.sin(t), np.cos(t)), 1) * 0.9
    path = tmp_path / "waves.toy"
    path.write_text(json.dumps({"x": x.round(4).tolist(), "y": y.tolist()}))
    return path


@pytest.mark.slow
def test_a_kind_that_is_made_up_trains_samples_and_is_compared(signal, waves, tmp_path, done):
    for recipe in ("ae", "gan"):
        aegean.train(recipe, str(waves), tmp_path / recipe, images=320, evaluations=1, settings={"batch": 16})
    model = aegean.load(tmp_path / "gan")
    assert model.info.kind == "signal" and model.sample(3).shape == (3, 2, 12)
    scores = aegean.evaluate(tmp_path / "ae", count=30)
    assert {key.split("@")[0] for key in scores} >= {"rfd", "mse"}
    assert any(key.startswith("fd@waves-classifier") for key in aegean.evaluate(tmp_path / "gan", count=30))
    done("sample", tmp_path / "gan", "--count", 5, "--out", f"{tmp_path}/drawn/")
    drawn = json.loads((tmp_path / "drawn/samples.toy").read_text())
    assert np.shape(drawn["x"]) == (5, 2, 12)
    done("reconstruct", tmp_path / "ae", tmp_path / "drawn/samples.toy", "--out", tmp_path / "again.png")
    done("compare", tmp_path / "ae", tmp_path / "gan", "--out", tmp_path / "report.html")
    assert "2 channels of 12 values" in (tmp_path / "report.html").read_text()


def test_a_kind_without_rows_is_refused_in_words(waves, monkeypatch):
    monkeypatch.setitem(data_kinds.KINDS, "signal", ROWS[data_kinds])
    with pytest.raises(UserError, match="signal"):
        aegean.train("ae", str(waves), waves.parent / "run", images=320)


# every kind, in every table


def test_the_tables_know_the_same_kinds():
    assert set(NEEDED) <= set(TABLES)
    for name, table in TABLES.items():
        assert set(table) <= set(data_kinds.KINDS), f"{name} has a row for a kind that the data room does not know"
        assert name not in NEEDED or set(table) == set(data_kinds.KINDS), f"{name} lacks a row"


@pytest.mark.parametrize("name", TABLES)
def test_a_row_is_filled(name):
    rows = list(TABLES[name].values())
    assert rows and all(isinstance(row, tuple) and type(row) is type(rows[0]) for row in rows)
    callables = {field for row in rows for field, value in row._asdict().items() if callable(value)}
    for row in rows:
        for field, value in row._asdict().items():
            assert value is None or callable(value) or field not in callables, f"{field}: {value!r}"


LETTERS = vocabulary_of(["abc", "abc"], "characters")[0]
EXAMPLES = {
    "image": (DataInfo("pictures", (3, 9, 7), (127.5,), (127.5,)), "uint8"),
    "table": (DataInfo("rows", (5,), (0.0,) * 5, (1.0,) * 5, "float32", columns=tuple("abcde")), "float32"),
    "audio": (DataInfo("sounds", (2, 400), (0.0,), (1.0,), "float32", kind="audio", rate=8000), "float32"),
    "text": (DataInfo("lines", (8,), (0.0,), (1.0,), "uint16", kind="text", vocabulary=LETTERS), "tokens"),
    "signal": (DataInfo("waves", (2, 12), (0.0,), (1.0,), "float32", kind="signal"), "float32"),
}


@pytest.mark.parametrize("kind", [*data_kinds.KINDS, "signal"])
def test_every_kind_keeps_its_contract(kind, signal):
    assert kind in EXAMPLES, f"add an example of the kind {kind!r} here"
    info, dtype = EXAMPLES[kind]
    draw = np.random.default_rng(0)
    if dtype == "tokens":  # no bytes: they might be no characters
        check_kind(info, draw.integers(FIRST, len(LETTERS), (30, *info.shape), np.uint16))
        return
    raw = draw.integers(0, 256, (30, *info.shape)) if dtype == "uint8" else draw.uniform(-1, 1, (30, *info.shape))
    check_kind(info, raw.astype(dtype))
