"""What recipes make of folders of diffusers: a decoder that learns on, a GAN, a codec."""

from functools import partial

import numpy as np
import pytest
import torch
from autoencoders import PICTURES, close, pictures, theirs
from needs import needs

import aegean
from aegean import diffusers as folders
from aegean.config import UserError
from aegean.data.sets.feed import Feed
from aegean.gradients import with_squared_gradient
from aegean.model import Model
from aegean.recipes import configure
from aegean.surface import noted
from aegean.training.engine import Engine
from aegean.training.inherit import fitting
from aegean.training.player import Player, parameters
from aegean.training.trainer import Trainer

pytestmark = [pytest.mark.slow, needs("diffusers")]


def tuned(path, engine=None, steps=20, recipe="decoder_finetune", **settings):
    """A trainer that begins with a folder's networks, on coloured blobs."""
    model = folders.read(path, PICTURES)
    run = configure(recipe, PICTURES, {"width": 8, "batch": 8, **settings}, model.specs).with_images(8 * steps)
    x = np.random.default_rng(0).integers(0, 256, (64, *PICTURES.shape)).astype(np.uint8)
    cpu = torch.device("cpu")
    trainer = Trainer(run, PICTURES, Feed(PICTURES, x, None, cpu, 0), cpu, engine)
    for name in fitting(run, model, PICTURES):
        trainer.nets[name].load_state_dict(model.nets[name].state_dict())
    trainer.enter()
    return trainer, model


def finish(trainer):
    for _ in trainer:
        pass
    assert trainer.blame() is None


@pytest.mark.parametrize("name", ["AutoencoderKL", "VQModel", "VQModel spatial", "AutoencoderTiny"])
def test_fine_tuning_moves_the_decoder_alone_and_diffusers_loads_it(made, tmp_path, name):
    trainer, before = tuned(made(name))
    finish(trainer)
    after = trainer.model()
    for part in ("E", "bottleneck"):
        old, new = before.nets[part].state_dict(), after.nets[part].state_dict()
        assert all(torch.equal(old[key], new[key]) for key in old)
    old, new = before.nets["G"].state_dict(), after.nets["G"].state_dict()
    assert not [key for key in old if torch.equal(old[key], new[key])]
    folders.write(after, tmp_path / "tuned")
    assert close(theirs(tmp_path / "tuned")[1], after.reconstruct(pictures()))
    assert not close(theirs(made(name))[1], after.reconstruct(pictures()))


@pytest.mark.slow
def test_a_step_on_networks_of_diffusers_can_be_recorded(made, monkeypatch):
    """In the last phase, which does all that those before it do; with attention, and a codebook."""
    monkeypatch.setattr(torch, "compile", lambda recording, **words: recording)
    eager, recorded = (tuned(made("VQModel"), Engine(backend=backend), 8) for backend in ("", "eager"))
    for trainer, _ in (eager, recorded):
        trainer.place({"phase": len(trainer.run.schedule) - 1, "seen": 0, "images": 0, "summed": 0})
        with noted() as said:
            finish(trainer)
    assert not [note for note in said if "cannot be compiled" in note]
    for key, value in eager[0].nets["G"].state_dict().items():
        assert torch.allclose(value, recorded[0].nets["G"].state_dict()[key], atol=1e-4), key


@pytest.mark.parametrize("name", ["AutoencoderKL", "VQModel", "AutoencoderTiny"])
def test_each_term_of_fine_tuning_moves_whom_it_names_and_nobody_else(made, name):
    """What the usual script gets wrong: features that teach the decoder nothing, and gradients that leak between the
    decoder and its judge."""
    trainer, _ = tuned(made(name), error="absolute")
    trainer.next_phase()
    trainer.step()
    moved = {}
    for turn in trainer.phase.turns:
        for term in turn.terms:
            player = Player(turn.replace(terms=(term,), lr=0.01, observes=()), trainer.nets, trainer.device)
            before = {k: v.clone() for k, v in parameters(trainer.nets, trainer.nets).items()}
            trainer.current.play(player)
            after = parameters(trainer.nets, trainer.nets)
            moved[f"{turn.name}/{type(term).__name__}"] = {k for k in after if not torch.equal(before[k], after[k])}
    G, D = (set(parameters(trainer.nets, (part,))) for part in "GD")
    assert set(moved) >= {"G/AbsoluteError", "G/GeneratorLoss", "G/FeatureMatching", "D/DiscriminatorLoss"}
    for label, names in moved.items():
        assert names and names <= (G if label.startswith("G/") else D), label
    assert moved["G/FeatureMatching"] >= {k for k in G if k.endswith("weight")}


@pytest.mark.parametrize("forward_mode", [False, True])
@pytest.mark.parametrize("name", ["AutoencoderKL attentive", "VQModel", "AutoencoderTiny"])
def test_a_gan_takes_over_such_an_autoencoder(made, name, forward_mode):
    """Its encoder as the discriminator's backbone: penalties need attention's second derivative, in both forms."""
    finish(tuned(made(name), Engine(forward_mode=forward_mode), 3, "ae_to_gan", prior="gaussian")[0])


def test_input_gradients_through_attention_are_the_same_in_both_forms(made):
    D = tuned(made("AutoencoderKL attentive"), None, 3, "ae_to_gan", prior="gaussian")[0].nets["D"].requires_grad_(True)
    judge = partial(D, noise=torch.zeros(3, *D.noise_shape))
    found = []
    for forward_mode in (False, True):
        slope = with_squared_gradient(judge, pictures(), forward_mode)[1]
        grads = torch.autograd.grad(slope.sum(), list(D.parameters()), materialize_grads=True)
        found.append((slope.detach(), torch.cat([g.flatten() for g in grads])))
    assert found[0][1].norm() > 0
    for a, b in zip(*found):
        assert (a - b).norm() < 1e-4 * a.norm()


def test_attention_of_an_encoder_is_called_without_a_complaint(made, monkeypatch):
    """diffusers warns, at every call, of arguments that a processor does not name."""
    from diffusers.models import attention_processor

    said = []
    monkeypatch.setattr(attention_processor.logger, "warning", said.append)
    folders.read(made("AutoencoderKL attentive"), PICTURES).encode(pictures())
    assert said == []


@pytest.mark.parametrize("name", ["AutoencoderKL shifted", "VQModel", "AutoencoderTiny"])
def test_a_codec_begins_with_what_such_an_autoencoder_knows(made, name):
    """Its latents, but for the steps and the reach of the scalars in their place: no random layer lies in between."""
    trainer, before = tuned(made(name), None, 3, "codec", levels=255, lossless=False)
    model = trainer.model()
    rounded, exact = model.encode(pictures()), before.nets["E"](pictures())[-1]
    if name != "VQModel":
        exact = before.encode(pictures())
    apart = (rounded - exact.flatten(1)).abs().mean()  # a few numbers lie beyond the scalars' reach
    assert 0 < apart < 0.02 * exact.std()
    symbols = model.nets["bottleneck"].to_symbols(rounded)
    assert torch.equal(model.nets["bottleneck"].to_codes(symbols), rounded)


@pytest.mark.parametrize("recipe", ["codec", "vq_ae", "vq_gan"])
@pytest.mark.parametrize("name", ["AutoencoderKL", "VQModel", "AutoencoderTiny"])
def test_recipes_that_compress_begin_with_such_an_autoencoder_and_write_files(made, name, recipe, tmp_path):
    trainer = tuned(made(name), None, 4, recipe)[0]
    finish(trainer)
    trainer.model().save(tmp_path / "model.safetensors")
    model = Model.load(tmp_path / "model.safetensors")
    x = PICTURES.normalise(PICTURES.restore(pictures()))  # files are of 8-bit pictures
    back = torch.stack(list(model.decompress(model.compress(x))))
    assert (back - model.reconstruct(x).clamp(-1, 1)).abs().max() < 1.01 / 255
    again = configure(recipe, PICTURES, {"batch": 8}, model.specs)
    assert all(again.nets[part] == model.specs[part] for part in ("E", "bottleneck", "G"))
    with pytest.raises(UserError, match="symbols of its own, which diffusers has no class for"):
        folders.write(model, tmp_path / "out")


@pytest.mark.slow
def test_from_folder_to_folder_on_the_command_line(made, photos, tiny_runs, tmp_path, capsys):
    from aegean.cli import main

    def run(*words):
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out + said.err

    out = tmp_path / "run"
    words = ["train", "decoder_finetune", "--from", made("AutoencoderKL"), "--data", photos, "--out", out]
    code, said = run(*words, "--images", "320", "--set", "width=8")
    assert code == 0 and "psnr@test" in said
    assert run("export", out, "--format", "diffusers", "--out", tmp_path / "tuned/")[0] == 0
    assert close(theirs(tmp_path / "tuned")[1], aegean.load(out).reconstruct(pictures()))
    for source in (tmp_path / "tuned", out):
        assert run("reconstruct", source, photos, "--out", tmp_path / "r.png", "--overwrite")[0] == 0
    code, said = run("train", "codec", "--from", made("AutoencoderKL"), "--data", photos, "--out", tmp_path / "codec",
                     "--images", "320", "--set", "lossless=false")  # fmt: skip
    assert code == 0, said
    assert run("compress", tmp_path / "codec", photos, "--out", tmp_path / "photos.aeg")[0] == 0
    assert run("decompress", tmp_path / "photos.aeg", "--model", tmp_path / "codec", "--out", tmp_path / "back")[0] == 0
    assert len(list((tmp_path / "back").iterdir())) == len(list(photos.iterdir()))
    code, said = run("export", out, "--format", "diffusers", "--part", "encoder", "--out", tmp_path / "x/")
    assert code == 2 and "leave --part out" in said
    code, said = run("export", tiny_runs / "vae", "--format", "diffusers", "--out", tmp_path / "x/")
    assert code == 2 and "did not come from a folder of diffusers" in said
