"""Autoencoders that begin as principal components, against scikit-learn's; and photographs that are seen mirrored."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from aegean.config import net
from aegean.data.info import DataInfo
from aegean.data.sets.feed import Feed
from aegean.latent import Gaussian, Identity
from aegean.nets import ConvDecoder, ConvEncoder, PrincipalDecoder, PrincipalEncoder
from aegean.nets.principal import Components
from aegean.recipes import configure
from aegean.testing import trainer_on

SHAPE, LATENT = (3, 16, 16), 8


def photographs(count: int, flat: float = 0.0) -> DataInfo:
    return DataInfo("made", SHAPE, (127.5,), (127.5,), count=count, flat=flat)


def pictures(count: int) -> np.ndarray:
    """Of some directions and a little noise, (count, *SHAPE) uint8."""
    random = np.random.default_rng(0)
    directions = random.normal(size=(12, *SHAPE)).cumsum(-1).cumsum(-2)
    mixed = np.einsum("nk,kchw->nchw", random.normal(size=(count, 12)) / np.arange(1, 13), directions)
    return np.clip(127 + 12 * mixed + random.normal(size=mixed.shape), 0, 255).astype(np.uint8)


def model_values(count: int) -> torch.Tensor:
    return torch.from_numpy(pictures(count)).float() / 127.5 - 1


@pytest.mark.parametrize("count", [300, 5])
def test_components_are_those_of_scikit_learn(count):
    x = model_values(count)
    components = Components(SHAPE, LATENT)
    components.fit(x)
    found = components(x)
    theirs = PCA(min(LATENT, count - 1)).fit(x.flatten(1).numpy())
    ours = components.back(found).flatten(1).numpy()
    np.testing.assert_allclose(ours, theirs.inverse_transform(theirs.transform(x.flatten(1).numpy())), atol=2e-3)
    known = found[:, : theirs.n_components_]
    np.testing.assert_allclose(known.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(known.std(0, correction=0), 1, atol=1e-3)
    assert found.isfinite().all()


def test_fitting_leaves_the_random_numbers_alone():
    torch.manual_seed(1)
    expected = torch.randn(3)
    torch.manual_seed(1)
    Components(SHAPE, LATENT).fit(model_values(20))
    assert torch.equal(torch.randn(3), expected)


@pytest.mark.parametrize("bottleneck", [Identity, Gaussian])
@pytest.mark.parametrize("classes", [0, 3])
def test_the_autoencoder_begins_as_its_components(bottleneck, classes):
    E = PrincipalEncoder(net(ConvEncoder, shape=SHAPE, widths=(4, 6)), SHAPE, LATENT)
    G = PrincipalDecoder(
        net(ConvDecoder, shape=SHAPE, latent=LATENT, widths=(4, 6), classes=classes), SHAPE, LATENT, classes
    )
    B = bottleneck(E.levels[-1], LATENT, classes, given=True)
    x, labels = model_values(50), torch.arange(50) % 3 if classes else None
    E.fit(x)
    G.components.load_state_dict(E.components.state_dict())
    levels = E(x)
    assert [tuple(h.shape[1:]) for h in levels] == E.levels
    z = B(levels[-1], None, labels).z
    torch.testing.assert_close(z, E.components(x))
    torch.testing.assert_close(G(z, labels), E.components.back(z))


def test_components_are_not_trained_and_all_else_is():
    raw = pictures(64)
    trainer = trainer_on("ae_to_gan", photographs(64), raw, steps=12)
    trainer.enter()
    fitted = {k: v.clone() for k, v in trainer.nets["E"].components.state_dict().items()}
    before = trainer.nets["G"].decoder.last.weight.clone()
    assert fitted["axes"].abs().sum() > 0
    for _ in trainer:
        pass
    for name in ("E", "G"):
        for key, value in trainer.nets[name].components.state_dict().items():
            assert torch.equal(value, fitted[key])
    assert not torch.equal(trainer.nets["G"].decoder.last.weight, before)
    for ours, theirs in zip(trainer.nets["E"].encoder.parameters(), trainer.nets["D"].backbone.parameters()):
        assert ours.shape == theirs.shape


def test_photographs_begin_so_and_few_are_seen_mirrored():
    def kinds(info: DataInfo, **settings: object) -> tuple[str, bool]:
        run = configure("ae_to_gan", info, {"images": 20_000, **settings})
        return run.nets["E"].kind, run.mirrored

    assert kinds(photographs(300)) == ("PrincipalEncoder", True)
    assert kinds(photographs(300), mirror=False) == ("PrincipalEncoder", False)
    assert kinds(photographs(5_000)) == ("PrincipalEncoder", False)
    assert kinds(photographs(300), discriminator="project") == ("ConvEncoder", True)
    assert kinds(photographs(300), generator="new") == ("ConvEncoder", True)
    assert kinds(photographs(300), latent=1_000) == ("ConvEncoder", True)  # more than a picture has values
    assert kinds(photographs(300, flat=0.9)) == ("ConvEncoder", False)


@pytest.mark.parametrize(
    "flat, settings, source",
    [
        (0.05, {}, None),
        (0.05, {"discriminator": "initialise"}, "E.encoder"),
        (0.05, {"generator": "new"}, "E"),
        (0.9, {}, "E"),
        (0.9, {"discriminator": "new"}, None),
    ],
)
def test_beside_components_a_discriminator_begins_anew_if_not_asked_otherwise(flat, settings, source):
    run = configure("ae_to_gan", photographs(5_000, flat=flat), {"images": 20_000, **settings})
    copied = [edge for phase in run.schedule for edge in phase.edges if getattr(edge, "target", "") == "D.backbone"]
    assert [edge.source for edge in copied] == ([source] if source else [])
    assert run.schedule[-1].half_life == (0.03 if flat < 0.2 else 0.1)


@torch.no_grad()
def test_what_the_components_know_is_not_shaken_by_the_first_steps():
    trainer = trainer_on("ae_to_gan", photographs(64), pictures(64), steps=100, teacher=0.9)
    trainer.enter()
    nets, x, errors = trainer.nets, model_values(64), []
    for _ in range(20):
        errors.append(float((nets["G"](nets["bottleneck"](nets["E"](x)[-1]).z) - x).square().mean()))
        with torch.enable_grad():
            trainer.step()
    assert max(errors) < 1.06 * errors[0]


def test_a_mirrored_feed_has_every_image_twice():
    raw, labels = pictures(6), np.arange(6) % 2
    feed = Feed(photographs(6), raw, labels, torch.device("cpu"), seed=3).mirrored()
    batch = feed.take("any", 0, 12)
    found = {x.numpy().tobytes(): int(label) for x, label in zip(batch.x, batch.labels)}
    plain = photographs(6).normalise(raw)
    expected = {x.numpy().tobytes(): int(y) for x, y in zip(torch.cat((plain, plain.flip(-1))), np.tile(labels, 2))}
    assert found == expected and len(found) == 12
