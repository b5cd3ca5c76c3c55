"""What becomes of sounds beyond training: run folder, playground, Python, export, scikit-learn."""

import io
from functools import cache

import numpy as np
import pytest
import torch
from needs import needs
from scipy.io import wavfile
from untrained import untrained

import aegean
from aegean.config import UserError
from aegean.data import DataInfo
from aegean.data.batch import Batch
from aegean.data.read.hearing import hear
from aegean.data.sets.feed import Feed
from aegean.recipes import smoke
from aegean.session import evaluate
from aegean.surface import noted
from aegean.testing import check_reach
from aegean.training.trainer import Trainer
from aegean.wirings import find_wiring

RATE, LENGTH = 8000, 512
INFO = DataInfo("notes", (1, LENGTH), (0.0,), (1.0,), "float32", count=9, kind="audio", rate=RATE)
NAMED = INFO.replace(classes=("low", "high"), class_counts=(20, 20))
PICTURES = DataInfo("grey", (1, 16, 16), (127.5,), (127.5,), count=9)


def sine(frames=LENGTH, hertz=440.0, rate=RATE, channels=1):
    """(channels, frames) float32."""
    tone = 0.5 * np.sin(2 * np.pi * hertz * np.arange(frames) / rate)
    return np.repeat(tone[None].astype(np.float32), channels, 0)


def wav(values, rate=RATE):
    """A .wav of sounds (channels, frames)."""
    out = io.BytesIO()
    wavfile.write(out, rate, values.T)
    return out.getvalue()


@cache
def model(recipe):
    torch.manual_seed(0)
    settings = {"blocks": 1} if recipe == "sound_codec" else {}
    return untrained(smoke(recipe, INFO, width=4, batch=2, **settings), INFO)


@pytest.fixture
def folder(tmp_path):
    for n in range(24):
        (tmp_path / "notes").mkdir(exist_ok=True)
        (tmp_path / f"notes/{n}.wav").write_bytes(wav(sine(hertz=200 + 30 * n)))
    return tmp_path / "notes"


# Python


@pytest.mark.parametrize("rate,channels,frames", [(8000, 1, 700), (11025, 2, 700), (8000, 1, 1)])
def test_arrays_of_any_rate_channels_and_length_go_into_a_file_and_come_back(rate, channels, frames):
    x = [sine(frames, rate=rate, channels=channels), sine(frames + 9, rate=rate)]
    back = model("sound_codec").decompress(model("sound_codec").compress(x, rate=rate))
    assert [one.shape for one in back] == [one.shape for one in x]


def test_a_plain_array_is_one_channel_and_whole_numbers_are_no_sound():
    coder = model("sound_codec")
    assert coder.decompress(coder.compress([sine()[0]])).shape == (1, 1, LENGTH)
    with pytest.raises(UserError, match="32768"):
        coder.compress([np.zeros((1, 99), np.int16)])
    with pytest.raises(UserError, match="rate"):
        untrained(smoke("codec", PICTURES, width=4), PICTURES).compress(torch.zeros(1, 1, 16, 16), rate=8000)


def test_one_codec_writes_files_of_several_rates():
    """Sounds are coded quieter, so more coefficients become 0, and come back as loud as they were."""
    coder, x = model("sound_codec"), [sine(4000), sine(4000, 500)]
    files = [coder.compress(x, quality=quality) for quality in (1, 0.5, 0.1)]
    assert [len(data) for data in files] == sorted({len(data) for data in files}, reverse=True)
    for data in files[:2]:
        for one, back in zip(x, coder.decompress(data)):
            assert float(back.square().mean()) == pytest.approx(float(np.mean(one**2)), rel=0.3)
    with noted() as notes:
        coder.compress(x, quality=0.3)
    assert not notes
    with noted() as notes:
        coder.compress(x, quality=0.1)
    assert "from 0.25 on" in notes[0]
    for wrong in (0, -1, 1.5, float("nan")):
        with pytest.raises(UserError, match="quality"):
            coder.compress(x, quality=wrong)
    with pytest.raises(UserError, match="is for sounds"):
        untrained(smoke("codec", PICTURES, width=4), PICTURES).compress(torch.zeros(1, 1, 16, 16), quality=0.5)


def test_training_makes_sounds_quieter_by_at_most_the_spread():
    nets, x = model("sound_codec").nets, torch.from_numpy(np.stack([sine(hertz=220.0 * n) for n in range(1, 9)]))
    torch.manual_seed(0)
    drawn = find_wiring("sound")(nets, Batch(x), lambda stream, kind, shape: torch.rand(8, *shape)).gain
    decibels = 20 * (find_wiring("sound")(nets, Batch(x)).gain / drawn).log10().flatten()
    assert 0 <= decibels.min() < 4 and 8 < decibels.max() <= nets["level"].spread == 12


@needs("onnx", "onnxruntime", "onnxscript")
@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["ae", "sound_codec"])
def test_encoder_and_decoder_leave_as_onnx(recipe, tmp_path):
    from aegean.integrations import export

    model(recipe).save(tmp_path / "m.safetensors")
    for part in ("encoder", "decoder"):
        found = export.export(tmp_path / "m.safetensors", part, tmp_path / f"{part}.onnx")
        assert found["difference"] <= found["tolerance"]


def test_rows_that_are_sounds_become_features():
    from aegean.sklearn import AutoencoderTransformer

    rows = np.stack([sine(hertz=200 + 30 * n)[0] for n in range(20)])
    fitted = AutoencoderTransformer(3, rate=RATE, images=64, batch=16, settings={"width": 4}, random_state=0).fit(rows)
    assert fitted.model_.info.kind == "audio" and fitted.transform(rows).shape == (20, 3)
    assert fitted.inverse_transform(fitted.transform(rows)).shape == rows.shape
    for wrong in ({"rate": 10}, {"rate": RATE, "image_shape": (16, 32)}):
        with pytest.raises(ValueError, match="rate"):
            AutoencoderTransformer(3, images=64, **wrong).fit(rows)


# training


@pytest.fixture(scope="module")
def notes():
    """Low and high sines (40, 1, LENGTH), and their labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 40)
    return np.stack([sine(hertz=rng.uniform(200, 300) * (1 + 5 * label)) for label in labels]), labels


def trainer(notes, recipe, steps, **settings):
    cpu = torch.device("cpu")
    return Trainer(smoke(recipe, NAMED, steps, batch=4, **settings), NAMED, Feed(NAMED, *notes, cpu, 0), cpu)


@pytest.mark.parametrize("recipe", ["ae", "vae", "gan", "ae_to_gan"])
def test_recipes_of_images_take_sounds(recipe, notes):
    trained = trainer(notes, recipe, 4, width=4, conditional=True)
    for _ in trained:
        pass
    assert trained.blame() is None
    found, low = trained.model(), torch.zeros(2, dtype=torch.long)
    if recipe != "ae":
        assert found.sample(2, labels=low).shape == (2, 1, LENGTH)
    if recipe != "gan":
        assert found.reconstruct(torch.from_numpy(notes[0][:2]), low).shape == (2, 1, LENGTH)


@pytest.mark.parametrize(
    "settings", [{"discriminator": "project"}, {"prior": "mapping"}, {"generator": "new"}, {"loss": "wasserstein"}]
)
def test_a_gan_of_sounds_takes_what_a_gan_of_pictures_does(notes, settings):
    cpu, info = torch.device("cpu"), INFO.replace(count=40)
    check_reach(
        Trainer(smoke("sound_gan", info, 12, batch=4, **settings), info, Feed(info, notes[0], None, cpu, 0), cpu)
    )


def test_a_voice_learns_from_blurred_spectra_and_speaks_as_they_are():
    nets, x = model("sound_gan").nets, torch.from_numpy(np.stack([sine(), sine(hertz=900)]))
    heard = [
        find_wiring("heard")(nets, Batch(x), noise)
        for noise in (None, lambda stream, kind, shape: torch.zeros(2, *shape), lambda *drawn: torch.ones(2, *drawn[2]))
    ]
    plain, untouched, blurred = (p.x_spoken for p in heard)
    torch.testing.assert_close(plain, untouched)
    assert (plain - blurred).abs().max() > 1e-4


def test_sounds_of_classes_are_generated_by_a_vocoder_and_every_term_trains_whom_it_names(notes, tmp_path):
    check_reach(trainer(notes, "sound_gan", 12, vocoder=8, voice=0.3, teacher=0.5))
    trained = trainer(notes, "sound_gan", 12, vocoder=8, voice=0.3, teacher=0.5)
    for _ in trained:
        pass
    assert trained.blame() is None
    found = trained.model()
    below, low = torch.from_numpy(notes[0][:2]), torch.zeros(2, dtype=torch.long)
    assert found.sample(2, labels=low).shape == found.decode(found.encode(below, low), low).shape == (2, 1, LENGTH)
    for level, features in enumerate(found.levels(below, low)):
        below = found.encode_level(level, below)
        torch.testing.assert_close(below, features.features)
    found.save(tmp_path / "m.safetensors")
    assert torch.equal(aegean.load(tmp_path / "m.safetensors").sample(2, labels=low), found.sample(2, labels=low))


@pytest.mark.parametrize("recipe,measured", [("sound_codec", False), ("sound_gan", True)])
def test_what_samples_is_measured_in_features(recipe, measured, folder, monkeypatch):
    asked = []
    monkeypatch.setattr(evaluate, "feature_network", asked.append)
    data = aegean.open_data(aegean.DataOptions(str(folder), seconds=LENGTH / RATE))
    evaluate.make_evaluator(data, 10, run=smoke(recipe, data.info, batch=2))
    assert bool(asked) == measured


def test_what_is_no_sound_of_one_channel_is_refused():
    for info in (PICTURES, INFO.replace(shape=(2, LENGTH))):
        with pytest.raises(UserError, match="sound_gan takes sounds of one channel"):
            smoke("sound_gan", info)


# the run's folder


@pytest.mark.slow
def test_a_run_keeps_sounds_that_play_beside_their_pictures(folder, tmp_path):
    aegean.train("ae", str(folder), tmp_path / "run", images=32, evaluations=1, settings={"batch": 8, "width": 4})
    names = {path.suffix for path in (tmp_path / "run/samples").iterdir()}
    assert names == {".png", ".wav"}
    sounds = [hear(path.read_bytes()) for path in (tmp_path / "run/samples").glob("*.wav")]
    assert all(rate == RATE and values.shape[1] % (2 * LENGTH) == 0 for values, rate in sounds)


@needs("huggingface_hub")
def test_a_card_plays_samples(tmp_path):
    from aegean.integrations.card import card, pictures, read_source

    model("vae").save(tmp_path / "m.safetensors")
    source = read_source(tmp_path / "m.safetensors")
    shown = pictures(source)
    values, rate = hear(shown["samples.wav"])
    assert rate == RATE and values.shape == (1, 16 * LENGTH)
    assert '<audio controls src="samples.wav">' in card(source, "ada/notes", "mit", shown)


# the playground


def exhibit(recipe):
    from aegean.web.play import Exhibit

    return Exhibit(recipe, recipe, model(recipe))


@needs("gradio")
@pytest.mark.parametrize("whole", [False, True])
def test_a_sound_is_heard_before_and_after_with_its_bytes(whole):
    from aegean.web import play, show
    from aegean.web.kinds import uploaded

    found = play.reconstructed(exhibit("sound_codec"), uploaded(wav(sine(3000, 440, 16000, 2), 16000)), whole)
    lengths = {hear(sound)[0].shape for sound in found.sounds}
    assert len(found.sounds) == 2 and lengths == {(2, 1500) if whole else (1, LENGTH)}
    notes = " ".join(found.notes)
    assert "kbit/s" in notes and "mel distance" in notes and "16000 to 8000 Hz" in notes
    assert show.panel("a", "b", found, 2).count("<audio") == 2


@needs("gradio")
def test_samples_sound_and_files_of_another_kind_are_refused():
    from aegean.web import latents, play
    from aegean.web.kinds import uploaded
    from aegean.web.play import Exhibit

    assert len(play.sampled(exhibit("vae"), 3, 0, 1.0).sounds) == 3
    given = uploaded(wav(sine(100)))
    assert len(latents.between(exhibit("vae"), [0, given], 4).sounds) == 4
    pictures = Exhibit("p", "p", untrained(smoke("vae", PICTURES, width=4), PICTURES))
    with pytest.raises(UserError, match="takes images"):
        play.reconstructed(pictures, given, False)
    for data in (b"RIFF\0\0\0\0WAVE", wav(np.full((1, 9), np.nan, np.float32)), b"fLaC" + bytes(30)):
        with pytest.raises(UserError, match="sound"):
            uploaded(data)
