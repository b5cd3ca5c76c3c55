"""The benchmarks run from beginning to end, and what they count is counted right."""

import contextlib
import copy
import importlib
import itertools
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from aegean import config
from aegean.recipes import configure
from aegean.training.engine import Engine
from aegean.training.trainer import Trainer, build

FOLDER = Path(__file__).parent.parent / "benchmarks"
OTHERS = [
    ("anomalies",),
    ("anomalies", "--task", "digits"),
    ("card",),
    ("equal_quality",),
    ("cost",),
    ("data",),
    ("dip", "--cures", "default; nothing"),
    ("export",),
    ("factors", "--recipes", "beta_vae"),
    ("features",),
    ("fuzz_codec",),
    ("levels", "--rows", "joint"),
    ("restore",),
    ("translate", "--task", "digits"),
    ("text", "--rows", "language model"),
    ("scaling",),
    ("gradient_penalty",),
    ("trust", "--parts", "attack"),
    ("transfer", "--variants", "scratch; teacher, mixture; all edges"),
]
NEEDS = {
    "card": ["huggingface_hub", "markdown", "playwright"],
    "export": ["onnx", "onnxscript", "onnxruntime"],
}
CHROMIUM = Path("/usr/bin/chromium")
CPU = torch.device("cpu")


@pytest.fixture
def benchmark(monkeypatch):
    """Import a benchmark's module by name; the networks that it registers are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(config, "_NETWORKS", config.networks())
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "").parent == FOLDER:
            del sys.modules[name]


@pytest.fixture
def last_line(benchmark, monkeypatch, capsys):
    """last_line(name, *words) -> what a benchmark prints last, read as JSON. It runs in this process: importing torch
    takes longer than most of them."""

    def run(name, *words):
        monkeypatch.setattr(sys, "argv", [f"{name}.py", "--quick", *words])
        with contextlib.suppress(SystemExit):
            runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    return run


@pytest.mark.slow
@pytest.mark.parametrize("words", OTHERS, ids=lambda words: words[0])
def test_a_benchmark_ends_with_a_line_of_json(words, last_line):
    for library in NEEDS.get(words[0], []):
        pytest.importorskip(library, reason=f"{library} is not installed")
    if "playwright" in NEEDS.get(words[0], []) and not CHROMIUM.exists():
        pytest.skip(f"chromium is not installed as {CHROMIUM}")
    assert isinstance(last_line(*words), dict)


@pytest.mark.slow
def test_the_step_benchmark_measures_every_variant(last_line):
    cases = last_line("step")["cases"]
    assert cases
    for found in cases.values():
        for variant in ("plain", "eager", "compiled"):
            numbers = found[variant]
            assert set(numbers) == {"img_s", "ratio_to_plain", "tflops", "fraction_of_ceiling"}
            assert all(value > 0 for value in numbers.values())
        assert found["graph"]["img_s"] is None  # there are none on a CPU


@pytest.mark.slow
def test_the_overhead_benchmark_compares_with_loops_by_hand(last_line):
    for case in last_line("overhead")["cases"].values():
        assert case["plain"] > 0 and case["careful"] > 0


def test_the_grouped_networks_have_the_size_of_those_of_r3gan(benchmark):
    run = benchmark("r3gan").r3gan((3, 32, 32), width=768, blocks=2, batch=256, images=256)
    with torch.device("meta"):
        sizes = [sum(p.numel() for p in run.nets[name].build().parameters()) for name in ("G", "D")]
    assert [round(size / 1e6, 1) for size in sizes] == [20.7, 20.7]


def test_both_forms_of_input_gradients_train_the_grouped_networks_alike(benchmark):
    common, r3gan = benchmark("common"), benchmark("r3gan").r3gan
    info, raw = common.random_images((3, 8, 8), 40)
    run = r3gan(info.shape, width=16, blocks=1, batch=8, images=80, gamma=1.0)
    states = []
    for forward_mode in (False, True):
        engine = Engine(forward_mode=forward_mode)
        trainer = Trainer(run, info, common.feed_of(info, raw, CPU), CPU, engine)
        for _ in range(3):
            trainer.step()
        states.append(trainer.tensors())
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_a_gan_step_in_forward_mode_counts_as_23_forward_passes(benchmark):
    """D: the fake (1); real and fake each forward, backward to the input (2), forward with tangents (2), backward
    through those (4). G: real (1), forward through both (2), backward through both (1 + 2)."""
    common, step = benchmark("common"), benchmark("step")
    info, raw = common.random_images((3, 32, 32), 40)
    run = configure("gan", info, {"width": 16, "batch": 4, "every": 1, "patch": 1, "images": common.FOREVER})
    trainer = Trainer(run, info, common.feed_of(info, raw, CPU), CPU, Engine(forward_mode=True))
    work = step.flops(step.recorded(trainer.step))
    D, x = trainer.nets["D"], torch.zeros(4, 3, 32, 32)
    with torch.no_grad():
        forward = step.flops(step.recorded(lambda: D(x, torch.zeros(4, 0))))
    assert work / forward == pytest.approx(23, rel=0.02)


@pytest.mark.parametrize("groups", [1, 4])
def test_a_convolution_and_its_gradients_count_the_same(benchmark, groups):
    step = benchmark("step")
    layer = torch.nn.Conv2d(8, 16, 3, stride=2, padding=1, groups=groups, bias=False)
    x = torch.randn(2, 8, 10, 10, requires_grad=True)
    forward = 2 * (2 * 16 * 5 * 5) * (8 // groups * 9)
    assert step.flops(step.recorded(lambda: layer(x))) == forward
    assert step.flops(step.recorded(lambda: layer(x).sum().backward())) == 3 * forward


@pytest.mark.slow
@pytest.mark.parametrize("careful", [False, True])
def test_the_vae_loop_by_hand_learns_to_reconstruct(benchmark, careful):
    common, plain = benchmark("common"), benchmark("plain")
    info, _ = common.random_images((1, 8, 8), 0)
    nets = build(configure("vae", info, {"width": 4, "images": common.FOREVER}))
    x = torch.linspace(-1, 1, 64).expand(16, 64).reshape(16, 1, 8, 8)

    def error():
        with torch.no_grad():
            return float((nets["G"](nets["bottleneck"](nets["E"](x)[-1]).z) - x).square().mean())

    before, train = error(), plain.vae(nets, itertools.repeat(x), careful)
    for _ in range(100):
        train()
    assert error() < 0.8 * before


@pytest.mark.parametrize("careful", [False, True])
def test_the_gan_loop_by_hand_moves_every_weight_of_both_players(benchmark, careful):
    common, plain = benchmark("common"), benchmark("plain")
    info, raw = common.random_images((1, 8, 8), 16)
    nets = build(configure("gan", info, {"width": 4, "images": common.FOREVER}))
    before = {name: copy.deepcopy(nets[name].state_dict()) for name in ("G", "D")}
    data = (info.normalise(raw) for _ in itertools.count())
    train = plain.gan(nets, data, 16, 1.0, 1, careful)
    for _ in range(3):
        train()
    for player, values in before.items():
        moved = {name for name, value in nets[player].named_parameters() if not torch.equal(value, values[name])}
        assert set(dict(nets[player].named_parameters())) - moved <= {"log_variance.tens"}  # a GAN has no likelihood


def test_instruments_sound_at_any_rate_and_otherwise_in_each_channel(benchmark):
    instruments = benchmark("instruments")
    for kind in range(len(instruments.KINDS)):
        x = instruments.recording(kind, "hall", np.random.default_rng(0), 8_000, channels=2)
        assert x.shape == (2, 8_000) and abs(x).max() == pytest.approx(instruments.PEAK)
        assert (x[0] != x[1]).any()
