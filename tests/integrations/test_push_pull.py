"""Push and pull with the Hub's own library, against a small server on this machine that speaks its protocol."""

import io
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from hub_server import hub
from needs import needs
from PIL import Image

import aegean
from aegean.data import DataOptions
from aegean.integrations.card import card as card_text
from aegean.integrations.card import pictures, read_source
from aegean.model import Model

# the library's own upload warns of a word that its network layer renames
pytestmark = [needs("huggingface_hub"), pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")]


@pytest.fixture
def server(monkeypatch, tmp_path):
    """The server, and a library that knows no other Hub, with ada's token."""
    with hub() as server:
        at(server.url, monkeypatch, tmp_path)
        monkeypatch.setenv("HF_TOKEN", server.token)
        yield server


def at(url, monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", url)  # as HF_ENDPOINT sets them when the library is imported
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)


@pytest.fixture
def pushed(server, tiny_runs, done):
    done("push", tiny_runs / "vae", "ada/digits-vae", "--licence", "apache-2.0")
    return server.repos["ada/digits-vae"]["files"]


def test_what_comes_back_is_the_model_that_was_pushed(pushed, tiny_runs, done, tmp_path):
    said = done("pull", "ada/digits-vae", "--out", tmp_path / "new/m.safetensors")
    assert (tmp_path / "new/m.safetensors").read_bytes() == (tiny_runs / "vae/model.safetensors").read_bytes()
    assert "sample" in said
    mine, theirs = (Model.load(p).sample(4, seed=3) for p in (tiny_runs / "vae", tmp_path / "new/m.safetensors"))
    assert torch.equal(mine, theirs)
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["m.safetensors"]


def test_the_files_are_plain_and_whole(pushed):
    assert set(pushed) == {"model.safetensors", "README.md", "samples.png", "reconstructions.png"}
    assert safetensors.torch.load(pushed["model.safetensors"])
    for name in ("samples.png", "reconstructions.png"):
        assert Image.open(io.BytesIO(pushed[name])).size[0] > 100


def test_the_librarys_own_card_reader_takes_the_card(pushed, tiny_runs):
    import huggingface_hub

    text = pushed["README.md"].decode()
    card = huggingface_hub.ModelCard(text)
    assert card.data.license == "apache-2.0" and card.data.library_name == "aegean"
    assert {"aegean", "vae"} <= set(card.data.tags) and card.data.datasets is None
    assert huggingface_hub.metadata_load is not None and card.data.to_dict()["pipeline_tag"]
    for part in ("1,400 for training", "`latent=4`", "640 images", "| seed | 0 |", "fd@digits-classifier:397", "floor"):
        assert part in text, part
    assert str(tiny_runs) not in text


def test_a_second_push_is_another_commit(pushed, tiny_runs, done, server):
    done("push", tiny_runs / "cgan", "ada/digits-vae", "--license", "mit")
    assert b"license: mit" in pushed["README.md"] and b"`gan`" in pushed["README.md"]
    assert server.asked.count(("POST", "/api/repos/create")) == 1


def test_a_private_model_is_seen_by_its_owner_alone(server, tiny_runs, done, refused, tmp_path, monkeypatch):
    done("push", tiny_runs / "vae", "ada/mine", "--licence", "other", "--private")
    assert server.repos["ada/mine"]["private"]
    done("pull", "ada/mine", "--out", tmp_path / "m.safetensors")
    monkeypatch.delenv("HF_TOKEN")
    assert "or it is private" in refused("pull", "ada/mine", "--out", tmp_path / "n.safetensors")


@pytest.mark.parametrize(
    "name", ["vae", "ada/", "/vae", "ada/vae/x", "ada/..", "a da/vae", "ada/v--e", "", "ada/\0", "ä/v"]
)
def test_a_name_that_is_none(name, server, tiny_runs, refused, tmp_path):
    if not name.endswith("/"):
        assert "OWNER/NAME" in refused("push", tiny_runs / "vae", name, "--licence", "mit")
    assert "OWNER/NAME" in refused("pull", name, "--out", tmp_path / "m.safetensors")
    assert not server.asked


def test_a_licence_is_asked_for(server, tiny_runs, refused):
    assert "--licence" in refused("push", tiny_runs / "vae", "ada/x")
    assert "apache-2.0" in refused("push", tiny_runs / "vae", "ada/x", "--licence", "Do as you like: all")
    assert not server.repos


def test_no_token_and_a_wrong_one(server, tiny_runs, refused, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_nobody")
    assert "does not accept this token" in refused("push", tiny_runs / "vae", "ada/x", "--licence", "mit")
    monkeypatch.delenv("HF_TOKEN")
    assert "hf auth login" in refused("push", tiny_runs / "vae", "ada/x", "--licence", "mit")
    assert not server.repos


def test_anothers_name(server, tiny_runs, refused):
    assert "may not write to bob/x" in refused("push", tiny_runs / "vae", "bob/x", "--licence", "mit")


def test_what_is_there_already_is_not_hurt(server, tiny_runs, refused):
    server.put("ada/other", **{"README.md": b"# mine", "pytorch_model.bin": b"x"})
    assert "not a model of aegean" in refused("push", tiny_runs / "vae", "ada/other", "--licence", "mit")
    assert set(server.repos["ada/other"]["files"]) == {"README.md", "pytorch_model.bin"}
    server.put("ada/open", **{"README.md": b"library_name: aegean"})
    assert "for all to see" in refused("push", tiny_runs / "vae", "ada/open", "--licence", "mit", "--private")


def test_nobody_answers_and_it_is_said_at_once(tiny_runs, refused, tmp_path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens here
        at(f"http://127.0.0.1:{taken.getsockname()[1]}", monkeypatch, tmp_path)
        monkeypatch.setenv("HF_TOKEN", "hf_of_ada")
        start = time.monotonic()
        assert "cannot be reached" in refused("push", tiny_runs / "vae", "ada/x", "--licence", "mit")
        assert "cannot be reached" in refused("pull", "ada/x", "--out", tmp_path / "m.safetensors")
        assert time.monotonic() - start < 20


def test_what_is_no_model_of_aegean(server, refused, tmp_path):
    server.put("ada/empty")
    server.put("ada/other", **{"model.safetensors": safetensors.torch.save({"w": torch.zeros(2)})})
    server.put("ada/noise", **{"model.safetensors": b"no model at all"})
    words = {"none": "no model ada/none", "empty": "no model.safetensors", "other": "not written by aegean"}
    for name, text in {**words, "noise": "not a readable"}.items():
        said = refused("pull", f"ada/{name}", "--out", tmp_path / "m.safetensors")
        assert text in said and f"ada/{name}" in said and str(tmp_path) not in said, said
    assert not list(tmp_path.glob("*m.safetensors*"))


def test_too_large_a_file_is_not_fetched(server, refused, tmp_path):
    server.put("ada/huge", **{"model.safetensors": b"x"})
    server.repos["ada/huge"]["sizes"] = {"model.safetensors": 9 << 30}
    assert "at most" in refused("pull", "ada/huge", "--out", tmp_path / "m.safetensors")
    assert all("resolve" not in path for _, path in server.asked)


def test_a_file_cut_short_leaves_the_old_one(pushed, server, done, refused, tmp_path):
    out = tmp_path / "m.safetensors"
    assert "exists" not in done("pull", "ada/digits-vae", "--out", out)
    before = out.read_bytes()
    assert "--overwrite" in refused("pull", "ada/digits-vae", "--out", out)
    pushed["model.safetensors"] = pushed["model.safetensors"][:-100]
    refused("pull", "ada/digits-vae", "--out", out, "--overwrite")
    assert out.read_bytes() == before and [p.name for p in tmp_path.glob("*m.safe*")] == [out.name]


def test_a_folder_to_look_at_first_sends_nothing(server, tiny_runs, done, refused, tmp_path):
    said = done("push", tiny_runs / "rows", f"{tmp_path}/look/", "--licence", "cc0-1.0")
    assert "nothing was sent" in said and not server.asked
    text = (tmp_path / "look/README.md").read_text()
    assert "rows of 2 columns" in text and "pipeline_tag" not in text
    assert not (tmp_path / "look/reconstructions.png").exists(), "a user's own data do not leave with a card"
    assert "not empty" in refused("push", tiny_runs / "rows", f"{tmp_path}/look/", "--licence", "cc0-1.0")
    done("info", tmp_path / "look/model.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["noise", "holes"])
def test_the_card_of_a_restorer_shows_before_and_after_and_warns(damage, done, tmp_path):
    settings = {"damage": damage, "width": 4, "blocks": 1, "batch": 16}
    aegean.train("restore", "digits", tmp_path / "run", images=64, evaluations=1, settings=settings)
    done("push", tmp_path / "run", f"{tmp_path}/look/", "--licence", "mit")
    text = (tmp_path / "look/README.md").read_text()
    assert "image-to-image" in text and "evidence" in text and "aegean restore" in text
    assert ("--mask" in text) == (damage == "holes")
    assert Image.open(io.BytesIO((tmp_path / "look/before-and-after.png").read_bytes())).size[0] > 100


def test_a_model_file_alone_has_a_card_without_scores(tiny_runs, done, tmp_path):
    shutil.copy(tiny_runs / "vae/best.safetensors", tmp_path / "model.safetensors")
    done("push", tmp_path / "model.safetensors", f"{tmp_path}/look/", "--licence", "mit")
    assert "not been evaluated" in (tmp_path / "look/README.md").read_text()


def test_a_process_of_its_own_with_the_addresses_from_outside(server, tiny_runs, tmp_path):
    environment = os.environ | {"HF_ENDPOINT": server.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path)}
    for words in (
        ["push", tiny_runs / "vae", "ada/x", "--licence", "mit"],
        ["pull", "ada/x", "--out", tmp_path / "m.safetensors"],
    ):
        command = [sys.executable, "-m", "aegean", *map(str, words)]
        shown = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert shown.returncode == 0, shown.stderr
    assert Model.load(tmp_path / "m.safetensors").can()


def test_data_of_the_hub_are_named_and_not_shown(tiny_runs):
    import huggingface_hub

    source = read_source(tiny_runs / "vae")
    theirs = source._replace(plan=source.plan.replace(data=DataOptions("hub:ylecun/mnist:train")))
    shown = pictures(theirs)
    card = huggingface_hub.ModelCard(card_text(theirs, "ada/x", "mit", shown))
    assert card.data.datasets == ["ylecun/mnist"] and list(shown) == ["samples.png"]


def test_no_word_of_the_data_leaves_its_place(tiny_runs):
    source = read_source(tiny_runs / "vae")
    bad = replace(source.model.info, name="a | b\n# <img src=x>", classes=("|\n---",) * 10)
    text = card_text(source._replace(model=with_info(source.model, bad)), "ada/x", "mit", {})
    assert "\n# <img" not in text and "<img" not in text and "a \\| b" in text
    assert text.count("\n---\n") == 1


def with_info(model, info):
    return Model(model.specs, model.nets, info, model.bound, model.about, model.wiring_name)


def test_a_card_without_whole_scores_says_so(tiny_runs, tmp_path):
    run = shutil.copytree(tiny_runs / "vae", tmp_path / "run")
    for text in ("{}", '{"images": 640, "scores": {"fd": 1}}', '{"images": 1, "scores": {}}', "[]"):
        (run / "evaluation.json").write_text(text)
        assert "not been evaluated" in card_text(read_source(run), "ada/x", "mit", {}), text


def test_a_missing_library_is_named_with_its_extra(tiny_runs, refused, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for words in (
        ["push", tiny_runs / "vae", "ada/x", "--licence", "mit"],
        ["pull", "ada/x", "--out", tmp_path / "m.safetensors"],
    ):
        assert "pip install 'aegean[hub]'" in refused(*words)
