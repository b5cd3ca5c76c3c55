"""Feature networks: trained once on the training part, kept, the same every time, good enough."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.metrics import kinds, networks
from aegean.metrics.features import FeatureNetwork, feature_network, feature_network_from
from aegean.model import Model
from aegean.surface import noted

pytestmark = pytest.mark.slow


@pytest.fixture
def short(monkeypatch):
    """A few steps are enough for what does not look at quality."""
    monkeypatch.setattr(networks, "train_steps", lambda count: 4)


@pytest.fixture
def untrained(monkeypatch):
    def refuse(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr(networks, "train_classifier", refuse)
    monkeypatch.setattr(networks, "train_contrastive", refuse)


def moved(dataset, folder, **changes):
    return SimpleNamespace(**{**vars(dataset), "folder": folder, **changes})


def unlabelled(dataset, folder):
    info = dataclasses.replace(dataset.info, classes=(), class_counts=())
    return moved(dataset, folder, info=info, train_labels=None, test_labels=None)


def test_classifier_of_the_digits(digits, features):
    assert features.key == "digits-classifier"
    assert features.accuracy > 0.97
    x = digits.info.normalise(digits.test)
    found = features(x)
    assert found.shape == (397, 64)
    probabilities = features.predict(x)
    assert probabilities.shape == (397, 10) and np.allclose(probabilities.sum(1), 1)
    assert (probabilities.argmax(1) == digits.test_labels).mean() == features.accuracy
    train = features(digits.info.normalise(digits.train))
    assert train.var(0).mean() == pytest.approx(1, rel=1e-3)


def test_the_second_call_reads_what_the_first_has_kept(digits, features, untrained):
    again = feature_network(digits)
    x = digits.info.normalise(digits.test[:20])
    assert np.array_equal(again(x), features(x))
    assert (again.key, again.accuracy) == (features.key, features.accuracy)


def test_features_of_a_sample_do_not_depend_on_the_others(digits, features):
    x = digits.info.normalise(digits.test)
    assert np.allclose(features(x[:3]), features(x)[:3], atol=1e-5)


def test_training_is_repeatable_and_leaves_the_global_generator_alone(digits, tmp_path, short, capsys):
    before = torch.random.get_rng_state()
    with noted() as said:
        first = feature_network(moved(digits, tmp_path))
        assert torch.equal(before, torch.random.get_rng_state())
        (tmp_path / "features-digits-classifier.safetensors").unlink()
        torch.manual_seed(123)
        second = feature_network(moved(digits, tmp_path))
    x = digits.info.normalise(digits.test[:20])
    assert np.array_equal(first(x), second(x))
    assert trained(said) == 2 and any("held-out accuracy" in note for note in said)
    assert capsys.readouterr().out == ""


def test_the_test_part_is_not_trained_on(digits, tmp_path, short):
    other = moved(digits, tmp_path, test=255 - digits.test)
    first = feature_network(other)
    (tmp_path / "features-digits-classifier.safetensors").unlink()
    second = feature_network(moved(digits, tmp_path))
    x = digits.info.normalise(digits.test[:20])
    assert np.array_equal(first(x), second(x))


def trained(said):
    """How many networks were trained, as their notes say."""
    return sum(note.startswith("Trained") for note in said)


def test_kept_networks_of_other_data_or_damaged_ones_are_not_used(digits, tmp_path, short):
    dataset = moved(digits, tmp_path)
    file = tmp_path / "features-digits-classifier.safetensors"
    with noted() as said:
        feature_network(dataset)
        feature_network(dataset)
        assert trained(said) == 1
        dataset.info = dataclasses.replace(digits.info, fingerprint="0" * 64)
        feature_network(dataset)
        assert trained(said) == 2
        whole = file.read_bytes()
        with safe_open(file, "pt") as kept:
            header, tensors = kept.metadata(), {name: kept.get_tensor(name) for name in kept.keys()}
        without = {name: value for name, value in tensors.items() if name != "scale"}
        other = {**tensors, "trunk.0.0.weight": torch.zeros(2, 2)}
        broken = [b"", whole[:1000], save(without, header), save(other, header), save(tensors, {"config": "[1]"})]
        for count, data in enumerate([*broken, save(tensors)], 3):
            file.write_bytes(data)
            feature_network(dataset)
            assert trained(said) == count
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_cannot_be_written_costs_the_keeping_only(digits, tmp_path, short):
    with noted() as said:
        network = feature_network(moved(digits, tmp_path / "missing"))
    assert network.key == "digits-classifier"
    assert any("cannot be kept" in note for note in said)


def test_pictures_without_labels(digits, tmp_path, short):
    network = feature_network(unlabelled(digits, tmp_path))
    x = digits.info.normalise(digits.test[:10])
    assert network.key == "digits-simclr"
    assert network(x).shape == (10, 64) and network.predict(x) is None and network.accuracy is None
    assert (tmp_path / "features-digits-simclr.safetensors").exists()


def test_features_without_labels_know_the_digits(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "train_steps", lambda count: 100)
    network = feature_network(unlabelled(digits, tmp_path))
    train, test = (network(digits.info.normalise(part)) for part in (digits.train, digits.test))
    nearest = ((test[:, None] - train[None]) ** 2).sum(2).argmin(1)
    assert (digits.train_labels[nearest] == digits.test_labels).mean() > 0.9


def test_tables_with_and_without_labels(digits, tmp_path, short):
    info = dataclasses.replace(
        digits.info, name="rows", kind="table", shape=(64,), offset=(127.5,) * 64, scale=(60.0,) * 64
    )
    table = moved(digits, tmp_path, info=info, train=digits.train.reshape(-1, 64), test=digits.test.reshape(-1, 64))
    x = info.normalise(table.test[:10])
    network = feature_network(table)
    assert network.key == "rows-classifier"
    assert network(x).shape == (10, 64) and network.predict(x).shape == (10, 10)
    network = feature_network(unlabelled(table, tmp_path))
    assert network.key == "rows-values" and network.predict(x) is None
    assert np.allclose(network(x), x.numpy())


@pytest.mark.parametrize("shape", [(1, 3, 5), (3, 28, 28), (2, 33, 20), (3, 128, 96), (4, 16, 16)])
def test_trunks_take_any_shape(shape):
    trunk = kinds.picture_trunk(DataInfo("pictures", shape, (0.0,), (1.0,))).eval()
    g = torch.Generator().manual_seed(0)
    x = torch.rand((2, *shape), generator=g)
    assert trunk(x).shape == (2, 64)
    assert kinds.view(x, g).shape == x.shape


def test_contrastive_loss_equals_the_papers_sum():
    z = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    u = F.normalize(z, dim=1)
    total = 0.0
    for i in range(6):
        j = (i + 3) % 6
        others = sum(torch.exp(u[i] @ u[k] / 0.5) for k in range(6) if k != i)
        total -= torch.log(torch.exp(u[i] @ u[j] / 0.5) / others)
    assert networks.contrastive_loss(z, temperature=0.5).item() == pytest.approx(total.item() / 6, rel=1e-5)


def test_placing_by_nothing_changes_nothing():
    x = torch.rand(3, 2, 6, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(kinds.placed(x, torch.Generator().manual_seed(1), 0, 0), x, atol=1e-5)


def brightness(x):
    return x.mean(dim=(2, 3))


def test_a_users_callable():
    network = feature_network_from(brightness)
    assert network.key == "brightness" and network.predict(torch.zeros(2, 3, 4, 4)) is None
    assert np.array_equal(network(torch.ones(600, 3, 4, 4)), np.ones((600, 3)))
    with pytest.raises(UserError, match=r"expected \(2, d\)"):
        FeatureNetwork("flat", lambda x: x.flatten())(torch.zeros(2, 3))


def test_a_users_module_must_be_in_eval_mode():
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    with pytest.raises(UserError, match="eval"):
        feature_network_from(module)
    assert feature_network_from(module.eval())(torch.zeros(3, 1, 2, 2)).shape == (3, 2)
    with pytest.raises(UserError, match="a function"):
        feature_network_from(3)


def test_the_encoder_of_a_run(digits, copier, tmp_path, monkeypatch):
    run = copier(digits, verbs=("encode",))
    monkeypatch.setattr(Model, "load", lambda path: run)
    network = feature_network_from(tmp_path / "my-run")
    assert network.key == "my-run-encoder" and network.info == digits.info
    assert network(digits.info.normalise(digits.test)).shape == (397, 5)
    run.verbs = ["sample"]
    with pytest.raises(UserError, match="no encoder"):
        feature_network_from(str(tmp_path / "my-run"))
    run.verbs, run.conditional = ["encode"], True
    with pytest.raises(UserError, match="needs labels"):
        feature_network_from(tmp_path / "my-run")
