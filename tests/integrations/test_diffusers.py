"""Folders of diffusers, written and read by the library itself."""

import json
import shutil
import sys

import numpy as np
import pytest
import safetensors.torch
import torch
from autoencoders import MADE, PICTURES, close, pictures, theirs
from needs import needs

from aegean import diffusers as folders
from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.model import Model
from aegean.nets.diffusers import Plan

pytestmark = [pytest.mark.slow, needs("diffusers")]


@pytest.mark.parametrize("name", MADE)
def test_encoding_and_decoding_agree_with_diffusers_from_folder_file_and_folder_again(made, tmp_path, name):
    model = folders.read(made(name), PICTURES)
    model.save(tmp_path / "model.safetensors")
    again = Model.load(tmp_path / "model.safetensors")
    assert folders.write(again, tmp_path / "again") <= 1e-5
    h, decoded, _ = theirs(made(name))
    assert close(model.nets["E"](pictures())[-1][:, : h.shape[1]], h)
    for one in (model, again, folders.read(tmp_path / "again", PICTURES)):
        assert close(one.reconstruct(pictures()), decoded)
        assert close(one.decode(one.encode(pictures())), decoded)
    assert close(theirs(tmp_path / "again")[1], decoded)
    assert json.loads((tmp_path / "again" / "config.json").read_text()) == json.loads(
        (made(name) / "config.json").read_text()
    )


def test_latents_are_scaled_as_diffusion_models_take_them(made):
    h = theirs(made("AutoencoderKL shifted"))[0]
    assert close(folders.read(made("AutoencoderKL shifted"), PICTURES).encode(pictures()), ((h - 0.1) * 0.4).flatten(1))
    h = theirs(made("AutoencoderKL normed"))[0]
    mean, std = (torch.tensor(v)[:, None, None] for v in ([0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 3.0, 4.0]))
    z = folders.read(made("AutoencoderKL normed"), PICTURES).encode(pictures())
    assert close(z, ((h - mean) / std * 0.18215).flatten(1))


def test_the_posterior_and_its_rate_are_those_of_diffusers(made, damaged):
    """With a scale of 1 the rate is diffusers' own divergence, in bits."""
    path = damaged(config={"scaling_factor": 1.0})
    model = folders.read(path, PICTURES)
    posterior = theirs(path)[2].encode(pictures()).latent_dist
    latent = model.nets["bottleneck"](model.nets["E"](pictures())[-1])
    assert torch.allclose(latent.rate, posterior.kl() / np.log(2), rtol=1e-4)
    assert torch.allclose(latent.stats[1], posterior.logvar.flatten(1), atol=1e-5)


def test_symbols_are_the_indices_of_diffusers(made):
    path = made("VQModel")
    h, _, model = theirs(path)
    ours = folders.read(path, PICTURES)
    symbols = ours.nets["bottleneck"](ours.nets["E"](pictures())[-1]).symbols
    assert torch.equal(symbols.flatten().long(), model.quantize(h)[2][2])
    assert torch.equal(ours.nets["bottleneck"].to_symbols(ours.encode(pictures())), symbols.long())


def test_names_of_attention_of_older_folders_are_read(made, damaged):
    """The folders that most people have were written when the projections had other names."""
    older = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def renamed(state):
        for new, old in older.items():
            state = {key.replace(f".{new}.", f".{old}."): value for key, value in state.items()}
        return state

    path = damaged(tensors=renamed)
    assert close(folders.read(path, PICTURES).reconstruct(pictures()), theirs(made("AutoencoderKL"))[1])


REFUSED = [
    ({"_class_name": "UNet2DModel"}, "diffusers' UNet2DModel is not taken here; expected AutoencoderKL, VQModel or"),
    ({"layers_per_block": 10**9}, "layers_per_block=1000000000: expected a whole number from 1 to 100"),
    ({"block_out_channels": [8, 16, 32]}, "as many levels in"),
    ({"block_out_channels": [8] * 1000}, "at most 12 whole numbers"),
    ({"down_block_types": ["CrossAttnDownBlock2D"] * 2}, "expected a list of DownEncoderBlock2D and Attn"),
    ({"scaling_factor": 0}, "scaling_factor=0: expected a number above 0"),
    ({"act_fn": "__import__"}, "act_fn=__import__: expected silu or"),
    ({"out_channels": 4}, "out_channels=4: expected in_channels, 3"),
    ({"norm_num_groups": 5}, "cannot build this AutoencoderKL .*restore its config.json"),
    ({"block_out_channels": [65536, 65536], "norm_num_groups": 32}, "holds .* numbers, but config.json describes"),
    ({"latent_channels": 3}, "has other shapes of decoder.conv_in.weight"),
]


@pytest.mark.parametrize("change,words", REFUSED, ids=lambda v: str(v)[:40])
def test_a_config_that_is_not_taken_is_refused_in_a_sentence(damaged, change, words):
    with pytest.raises(UserError, match=words) as error:
        folders.read(damaged(config=change), PICTURES)
    assert "\n" not in str(error.value)


def test_weights_that_are_missing_pickled_cut_or_not_finite_are_refused(damaged, tmp_path):
    first = "decoder.conv_in.bias"
    path = damaged(tensors=lambda s: {("other" if k == first else k): v for k, v in s.items()})
    with pytest.raises(UserError, match=f"lacks {first}"):
        folders.read(path, PICTURES)
    state = safetensors.torch.load_file(path / folders.WEIGHTS)
    safetensors.torch.save_file({**state, first: state["other"] * float("nan")}, path / folders.WEIGHTS)
    with pytest.raises(UserError, match="other, which the config does not describe"):
        folders.read(path, PICTURES)
    del state["other"]
    safetensors.torch.save_file({**state, first: torch.full((16,), float("nan"))}, path / folders.WEIGHTS)
    with pytest.raises(UserError, match=f"{first} is not finite"):
        folders.read(path, PICTURES)
    (path / folders.WEIGHTS).write_bytes((path / folders.WEIGHTS).read_bytes()[:-100])
    with pytest.raises(UserError, match="not a readable safetensors file"):
        folders.read(path, PICTURES)
    (path / folders.WEIGHTS).rename(path / "diffusion_pytorch_model.bin")
    with pytest.raises(UserError, match=r"diffusion_pytorch_model.bin is a pickle, .*safe_serialization=True"):
        folders.read(path, PICTURES)
    (path / "diffusion_pytorch_model.bin").unlink()
    with pytest.raises(UserError, match=r"has no weights: diffusion_pytorch_model.safetensors is missing"):
        folders.read(path, PICTURES)


def test_data_of_another_shape_are_refused_with_the_way_to_mend_it(made):
    for shape, words in [
        ((1, 16, 16), "images of 3 channels, but these have 1; bring them to it with channels=3"),
        ((3, 17, 17), "multiples of 2, but these are 17x17; bring them to it with size=16"),
        ((5,), "takes images, not samples of shape 5"),
    ]:
        with pytest.raises(UserError, match=words):
            folders.read(made("AutoencoderKL"), DataInfo("data", shape, (0.0,), (1.0,)))


def test_a_whole_pipeline_names_its_autoencoder(made, tmp_path):
    shutil.copytree(made("AutoencoderKL"), tmp_path / "pipeline" / "vae")
    (tmp_path / "pipeline" / "model_index.json").write_text("{}")
    assert folders.is_folder(tmp_path / "pipeline") and not folders.is_folder(tmp_path)
    with pytest.raises(UserError, match=r"is a whole pipeline of diffusers; its autoencoder is .*vae: give that"):
        folders.read(tmp_path / "pipeline", PICTURES)


def test_a_hostile_description_in_a_model_file_asks_for_no_memory(made, tmp_path):
    model = folders.read(made("AutoencoderKL"), PICTURES)
    spec = model.specs["G"]
    huge = {**spec.args["config"], "block_out_channels": (65536, 65536)}
    model.specs["G"] = spec.replace(args={**spec.args, "config": huge})
    model.save(tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="do not fit its description"):
        Model.load(tmp_path / "model.safetensors")


def test_writing_replaces_only_such_a_folder(made, tmp_path):
    model = folders.read(made("AutoencoderTiny"), PICTURES)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(UserError, match=r"holds thesis\.txt, so it is not replaced"):
        folders.write(model, tmp_path / "mine")
    for _ in range(2):
        folders.write(model, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "out"]


def test_plans_know_every_class_that_is_taken():
    for name in ("AutoencoderKL", "VQModel", "AutoencoderTiny"):
        assert Plan({"_class_name": name}).factor >= 1


def test_without_the_library_the_extra_is_named(made, refused, tmp_path, monkeypatch):
    path = made("AutoencoderKL")
    monkeypatch.setitem(sys.modules, "diffusers", None)
    said = refused("train", "decoder_finetune", "--from", path, "--data", "digits", "--out", tmp_path / "run")
    assert said.endswith("error: Autoencoders of diffusers need the library: pip install 'aegean[diffusers]'")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "config,words",
    [
        ({"_class_name": "UNet2DConditionModel"}, "diffusers' UNet2DConditionModel is not taken here; expected Auto"),
        ({}, "has no weights: diffusion_pytorch_model.safetensors is missing."),
    ],
    ids=["another class", "no weights"],
)
def test_the_command_line_refuses_in_one_line(damaged, photos, refused, tmp_path, config, words):
    path = damaged(config=config)
    if not config:
        (path / folders.WEIGHTS).unlink()
    out = tmp_path / "out"
    assert words in refused("train", "decoder_finetune", "--from", path, "--data", photos, "--out", out)
    assert words in refused("reconstruct", path, photos, "--out", out)
    assert not out.exists()
