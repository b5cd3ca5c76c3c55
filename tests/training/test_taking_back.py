"""What a last phase has lost of what was handed over is taken back."""

import pytest
import torch
from safetensors.torch import load_file

from aegean import resume, train
from aegean.cli.describe import described
from aegean.metrics.protocol import Evaluator
from aegean.metrics.scores import Score

SMALL = {"width": 2, "latent": 2, "teacher": 0.75}


@pytest.mark.parametrize("end,kept", [(2.0, 304), (0.5, None)])
def test_what_the_adversary_made_worse_is_as_it_was_handed_over(end, kept, tmp_path, monkeypatch, capsys):
    distances = [3.0, 1.0]  # of the teacher, and as it is handed over
    monkeypatch.setattr(
        Evaluator,
        "__call__",
        lambda self, model: {"fd@made-up:2": Score(distances.pop(0) if distances else end, 0.1, "lower")},
    )
    train("ae_to_gan", "digits", tmp_path, images=400, batch=16, evaluations=1, settings=SMALL, overwrite=True)
    ours, best = (load_file(tmp_path / f"{name}.safetensors") for name in ("model", "best"))
    assert all(torch.equal(ours[name], best[name]) for name in best)
    found = described(str(tmp_path))
    assert found["complete"] and found["kept"] == kept
    assert ("is kept" in capsys.readouterr().err) == bool(kept)
    end = 0.1
    resume(tmp_path, images=480)
    assert described(str(tmp_path))["kept"] is None


@pytest.mark.parametrize("end,kept", [(2.0, True), (0.5, False)])
def test_so_is_what_another_run_has_handed_over(end, kept, tmp_path, monkeypatch):
    train("ae", "digits", tmp_path / "ae", images=32, batch=16, evaluations=1, settings={"width": 2, "latent": 2})
    distances = [1.0]  # as it is handed over
    monkeypatch.setattr(
        Evaluator,
        "__call__",
        lambda self, model: {"fd@made-up:2": Score(distances.pop(0) if distances else end, 0.1, "lower")},
    )
    train("ae_to_gan", "digits", tmp_path / "gan", source=tmp_path / "ae", images=400, batch=16, evaluations=1)
    found = described(str(tmp_path / "gan"))
    assert found["complete"] and (found["kept"] is not None) == kept
