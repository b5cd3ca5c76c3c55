import tracemalloc

import numpy as np
import pytest
import torch

from aegean.codec import CodecError, unpack
from aegean.codec.pictures import Header, Picture
from aegean.compression import coder_for, compress, decompress, stream
from aegean.compression.tiles import Assembly, cut
from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.model import Model

LOSSY = ["codec", "vector", "residual", "finite"]
LOSSLESS = ["codec", "lossless"]


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_files_hold_what_the_model_reconstructs(models, pictures, name):
    model = models[name]
    data = model.compress(pictures)
    expected = model.info.normalise(model.info.restore(model.reconstruct(pictures)))
    assert torch.equal(model.decompress(data), expected)


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_files_give_exactly_the_same_pixels(models, pictures, name):
    model = models[name]
    assert torch.equal(model.decompress(model.compress(pictures, lossless=True)), pictures)


@pytest.mark.parametrize("name", LOSSY)
def test_symbols_cost_no_more_than_their_ideal_length(models, pictures, name):
    model = models[name]
    coder = model.coder("lossy")
    raw = model.info.restore(pictures)
    ideal = coder.tables.ideal_bits(coder.symbols(raw))
    assert 8 * (len(coder.encode(raw)) - 1) <= 1.005 * ideal + 64


def test_exact_pixels_cost_no_more_than_their_ideal_length(models, pictures):
    coder, raw = models["lossless"].coder("lossless"), models["lossless"].info.restore(pictures)
    assert 8 * len(coder.encode(raw)) <= 1.005 * coder.tables.ideal_bits(raw) + 64


SIZES = [(8, 8), (1, 1), (3, 40), (17, 9), (16, 16), (8, 9)]


@pytest.mark.parametrize("lossless", [False, True])
def test_pictures_of_any_size_come_back_in_their_own(models, lossless):
    model, rng = models["codec"], np.random.default_rng(0)
    x = [model.info.normalise(rng.integers(0, 256, (1, 1, *size)))[0] for size in SIZES]
    found = model.decompress(model.compress(x, lossless=lossless))
    assert [tuple(y.shape) for y in found] == [(1, *size) for size in SIZES]
    if lossless:
        assert all(torch.equal(a, b) for a, b in zip(x, found))


def test_blocks_of_any_number_of_tiles_hold_the_same_pictures(models, monkeypatch):
    model, rng = models["codec"], np.random.default_rng(0)
    x = [model.info.normalise(rng.integers(0, 256, (1, 1, *size)))[0] for size in SIZES]
    for tiles in (1, 3, 7, 1000):
        monkeypatch.setattr("aegean.compression.coders.GROUP", 64 * tiles)
        data = model.compress(x, lossless=True)
        header, blocks = unpack(data)
        assert len(blocks) == header.blocks == -(-19 // tiles)
        assert all(torch.equal(a, b) for a, b in zip(x, model.decompress(data)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("height,width", [(1, 1), (4, 5), (9, 3), (8, 10), (23, 17)])
def test_tiles_are_put_together_as_they_were_cut(channels, height, width):
    rng = np.random.default_rng(0)
    given = [rng.integers(0, 256, (channels, height, width)).astype(np.uint8) for _ in range(3)]
    shapes = tuple(Picture(height, width, channels) for _ in given)
    header = Header("lossless", bytes(16), (3, 4, 5), "uint8", 127.5, 127.5, 1, shapes)
    tiles = np.concatenate([band for picture in given for band in cut(picture, (3, 4, 5))])
    assert tiles.shape == (header.count, 3, 4, 5)
    for size in (1, 2, 7, len(tiles)):
        assembly = Assembly(header, np.dtype("uint8"))
        found = [v for start in range(0, len(tiles), size) for _, v in assembly.add(tiles[start : start + size])]
        assert len(found) == 3 and all(np.array_equal(a, b) for a, b in zip(given, found))


def test_fewer_stages_make_smaller_files_and_coarser_pictures(models, pictures):
    model = models["residual"]
    files = [model.compress(pictures, stages=n) for n in (1, 2, 3)]
    assert len(files[0]) < len(files[1]) < len(files[2])
    assert torch.equal(model.decompress(files[2]), model.decompress(model.compress(pictures)))
    for stages, data in enumerate(files, 1):
        symbols = model.nets["bottleneck"](model.nets["E"](pictures)[-1]).symbols[:, :stages].long()
        expected = model.info.restore(model.nets["G"](model.nets["bottleneck"].to_codes(symbols)))
        assert np.array_equal(model.info.restore(model.decompress(data)), expected)
    for name, stages in (("residual", 4), ("vector", 2), ("codec", 2)):
        with pytest.raises(UserError, match="stages"):
            models[name].compress(pictures, stages=stages)


@pytest.mark.parametrize("name,lossless", [(n, False) for n in LOSSY] + [(n, True) for n in LOSSLESS])
def test_a_saved_model_reads_what_it_wrote_before(models, pictures, name, lossless, tmp_path):
    models[name].save(tmp_path / "m.safetensors")
    again = Model.load(tmp_path / "m.safetensors")
    data = models[name].compress(pictures, lossless=lossless)
    assert again.compress(pictures, lossless=lossless) == data
    assert torch.equal(again.decompress(data), models[name].decompress(data))


def test_another_model_is_refused_by_its_fingerprint(models, pictures):
    data = models["vector"].compress(pictures)
    for other in ("residual", "finite", "codec"):
        with pytest.raises(CodecError, match="another model"):
            models[other].decompress(data)
    with pytest.raises(UserError, match="cannot compress"):
        models["lossless"].decompress(data)


@pytest.mark.parametrize("part", ["G.last.weight", "bottleneck.sums", "symbols.counts"])
def test_a_model_that_differs_anywhere_that_counts_is_another_model(models, pictures, part, tmp_path):
    models["vector"].save(tmp_path / "m.safetensors")
    data, other = models["vector"].compress(pictures), Model.load(tmp_path / "m.safetensors")
    net, _, key = part.partition(".")
    other.nets[net].state_dict()[key][0] += 1
    with pytest.raises(CodecError, match="another model"):
        other.decompress(data)


def test_only_the_encoder_may_differ(models, pictures, tmp_path):
    models["vector"].save(tmp_path / "m.safetensors")
    data, other = models["vector"].compress(pictures), Model.load(tmp_path / "m.safetensors")
    other.nets["E"].stem.weight.mul_(2)
    assert torch.equal(other.decompress(data), models["vector"].decompress(data))


def test_grey_pictures_fit_into_a_model_for_colours():
    """And cost little more than once: what is the same in all channels is known after the first."""
    from aegean.nets import IntegerPredictor

    info = DataInfo("x", (3, 8, 8), (127.5,), (127.5,))
    nets = {"pixels": IntegerPredictor(3, 256, offset=127.5, scale=127.5, hidden=(8,))}
    coder, rng = coder_for("lossless", {}, nets, info, run=lambda *_: None), np.random.default_rng(0)
    given = [rng.integers(0, 256, (c, 9, 11)).astype(np.uint8) for c in (1, 3, 1)]
    header, blocks = unpack(compress(coder, [("", picture) for picture in given]))
    assert [p.channels for p in header.pictures] == [1, 3, 1]
    assert all(np.array_equal(a, b) for a, (_, b) in zip(given, decompress(coder, header, blocks)))


@pytest.mark.parametrize(
    "values,reason",
    [
        (np.zeros((2, 8, 8), np.uint8), "channels"),
        (np.zeros((1, 8, 8), np.uint16), "uint16"),
        (np.zeros((1, 0, 8), np.uint8), "pixels"),
        (np.zeros((8, 8), np.uint8), "shape"),
    ],
)
def test_pictures_that_a_model_does_not_take_are_refused(models, values, reason):
    with pytest.raises(UserError, match=reason):
        compress(models["codec"].coder("lossless"), [("", values)])


def test_nothing_to_compress_and_rows_are_refused(models):
    with pytest.raises(UserError, match="no images"):
        models["codec"].compress([])
    rows = Model({}, dict(models["codec"].nets), DataInfo("rows", (3,), (0.0,), (1.0,), dtype="float32"))
    assert not any(verb.startswith("compress") for verb in rows.can())
    with pytest.raises(UserError, match="cannot compress"):
        rows.compress(torch.zeros(1, 3))


def test_batches_of_any_size_give_the_same_symbols_as_their_file_says(models, pictures, monkeypatch):
    """The encoder's own rounding may depend on the batch; what was written is read alike whatever the batch."""
    data = models["codec"].compress(pictures)
    coder = models["codec"].coder("lossy")
    _, (block,) = unpack(data)
    whole = coder.tables.decode(block[1:], (120, *coder.grid))
    pixels = models["codec"].decompress(data)
    monkeypatch.setattr("aegean.model.model.BATCH", 1)
    assert np.array_equal(coder.tables.decode(block[1:], (120, *coder.grid)), whole)
    assert (models["codec"].decompress(data) - pixels).abs().max() <= 1.01 / 127.5


@pytest.mark.parametrize("part,value", [("pixels.counts", -5), ("pixels.nets.0.0.weight", float("nan"))])
def test_a_model_whose_tables_are_damaged_is_refused_in_words(models, pictures, tmp_path, part, value):
    models["lossless"].save(tmp_path / "m.safetensors")
    other = Model.load(tmp_path / "m.safetensors")
    other.nets["pixels"].state_dict()[part.partition(".")[2]].view(-1)[0] = value
    with pytest.raises(UserError, match=r"damaged|diverged"):
        other.compress(pictures, lossless=True)


def test_a_description_whose_networks_do_not_belong_together_is_no_model(models, tmp_path):
    vector, residual = models["vector"], models["residual"]
    for nets in ({"symbols": residual}, {"bottleneck": residual}, {"pixels": models["codec"], "bottleneck": residual}):
        specs = {**vector.specs, **{name: source.specs[name] for name, source in nets.items()}}
        networks = {**vector.nets, **{name: source.nets[name] for name, source in nets.items()}}
        Model(specs, networks, vector.info).save(tmp_path / "m.safetensors")
        with pytest.raises(UserError, match="whole model"):
            Model.load(tmp_path / "m.safetensors")


@pytest.mark.slow
def test_a_large_picture_needs_little_more_memory_than_itself(models, monkeypatch):
    """Both ways, while its tiles go through: no copy of all of them. In one block it would take 65 MB."""
    monkeypatch.setattr("aegean.compression.coders.GROUP", 3 << 16)
    coder = models["codec"].coder("lossless")
    picture = np.zeros((1, 1500, 1500), np.uint8)
    picture[:, ::7, ::5] = 200
    tracemalloc.start()
    data = compress(coder, [("", picture)])
    written = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    header, blocks = unpack(data)
    ((_, again),) = decompress(coder, header, blocks)
    read = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(again, picture)
    assert max(written, read) < 30 << 20, (written, read)  # three blocks at work, however large the picture


def test_more_than_a_file_holds_is_refused_while_it_is_written(models, monkeypatch):
    monkeypatch.setattr(stream, "LIMIT", 640)
    coder = models["codec"].coder("lossless")
    picture = np.zeros((1, 16, 16), np.uint8)
    assert compress(coder, [("", picture)] * 2)
    with pytest.raises(UserError, match=r"Up to image c there are 768 values; one file holds 640"):
        compress(coder, [(name, picture) for name in "abcd"])


@pytest.mark.parametrize(
    "x", [torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.full((2, 1, 8, 8), torch.nan), torch.zeros(1, 8, 8)]
)
def test_what_are_no_values_of_a_model_is_refused(models, x):
    with pytest.raises(UserError, match="finite numbers in model range"):
        models["codec"].compress(x)


def test_arrays_are_taken_and_stages_checked(models, pictures):
    model = models["codec"]
    assert model.compress([picture.numpy() for picture in pictures[:3]]) == model.compress(pictures[:3])
    for stages in (-1, 9):
        with pytest.raises(UserError, match=f"{stages} stages: this model has"):
            model.compress(pictures[:1], stages=stages)
    with pytest.raises(UserError, match="stages=1 belongs to lossy files"):
        model.compress(pictures[:1], lossless=True, stages=1)


def test_a_file_that_is_cut_short_says_so(models, pictures):
    with pytest.raises(CodecError, match="it is cut short"):
        models["codec"].decompress(models["codec"].compress(pictures)[:-200])
