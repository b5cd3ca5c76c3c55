"""Whatever happens to a run, in any order, it ends as one straight run: bit for bit, and up to rounding where its batch
was split on the way."""

import shutil
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import aegean
from aegean.data.sets.feed import Feed
from aegean.training import watchers
from aegean.training.folder import Folder
from aegean.training.trainer import Trainer

BATCH = 8
SETTINGS = {"width": 4, "latent": 2, "batch": BATCH}


class Crash(BaseException):
    """In the place of whatever may end a process between two steps."""


class AnyOrder(RuleBasedStateMachine):
    """A run folder beside a straight trainer, which knows of nothing but raised budgets."""

    @initialize(steps=st.integers(4, 12), crash=st.integers(0, 3))
    def train(self, steps, crash):
        self.path = Path(tempfile.mkdtemp()) / "run"
        self.folder, self.split = Folder(self.path), False
        images = BATCH * steps
        with self.crashes(crash):
            aegean.train(
                "ae_to_gan",
                "digits",
                self.path,
                images=images,
                evaluations=1,
                settings=SETTINGS,
                device="cpu",
                precision="float32",
            )
        self.straight = self.trainer(self.folder.read().run)

    def trainer(self, run):
        """A trainer in memory, of a run on the same data."""
        data, cpu = aegean.open_data("digits"), torch.device("cpu")
        return Trainer(run, data.info, Feed(data.info, data.train, data.train_labels, cpu, run.seed), cpu)

    @rule(steps=st.integers(0, 6), often=st.booleans())
    def resume_and_crash(self, steps, often):
        with self.crashes(steps, often):
            aegean.resume(self.path)

    @rule(more=st.integers(1, 6), steps=st.integers(0, 4))
    def raise_the_budget(self, more, steps):
        plan, clock = self.folder.read(), self.folder.clock()
        self.catch_up()
        images = plan.images + BATCH * more
        with self.crashes(steps):
            aegean.resume(self.path, images=images)
        before = self.straight
        run = plan.run.with_images(images, clock["phase"])
        self.straight = Trainer(run, before.info, before.feed, before.device)
        self.straight.load(before.tensors(), before.clock())
        assert self.folder.read().run == self.straight.run

    @rule(name=st.sampled_from(["gaussian", "whitening"]))
    def fit(self, name):
        before = self.folder.state.read_bytes()
        assert aegean.fit_prior(self.path, name, count=64).about["prior"] == name
        assert self.folder.state.read_bytes() == before

    @rule(parts=st.sampled_from([1, 2, 4]), steps=st.integers(0, 4))
    def split_the_batch(self, parts, steps):
        with self.crashes(steps):
            aegean.resume(self.path, accumulate=parts)
        assert self.folder.read().engine.accumulate == parts
        self.split |= parts > 1

    @rule()
    def finish(self):
        aegean.resume(self.path)
        assert self.folder.clock()["images"] == self.folder.read().images
        assert aegean.load(self.path).about.get("prior", "") == self.folder.read().prior

    @invariant()
    def the_run_is_the_straight_one_at_its_clock(self):
        self.catch_up()
        found, expected = self.folder.load_state()[0], self.straight.tensors()
        assert found.keys() == expected.keys()
        state = [name for name in expected if not name.startswith("sum/")]  # what the log has not yet told
        if self.split:
            weights = [name for name in state if name.startswith("net/")]
            a, b = (torch.cat([tensors[name].flatten().float() for name in weights]) for tensors in (found, expected))
            assert (a - b).norm() <= 1e-3 * b.norm()
        else:
            assert [name for name in state if not torch.equal(found[name], expected[name])] == []
        images = [line["images"] for line in self.folder.lines()]
        assert images == sorted(images)

    def catch_up(self):
        """Take the straight trainer to the clock of the folder."""
        clock, straight = self.folder.clock(), self.straight
        place = clock["phase"], clock["seen"]
        if (straight.phase_number, straight.seen) == place:
            return
        for _ in straight:
            if (straight.phase_number, straight.seen) == place:
                return
        raise AssertionError(f"the straight run never comes to {clock}")

    class crashes:
        """Training ends with a crash after so many steps, or with the run; `often`: a state is saved at every step."""

        def __init__(self, steps, often=False):
            self.left, self.often = steps, often

        def __enter__(self):
            self.patch, step = pytest.MonkeyPatch(), Trainer.step

            def failing(trainer):
                if not self.left:
                    raise Crash
                self.left -= 1
                step(trainer)

            self.patch.setattr(Trainer, "step", failing)
            self.patch.setattr(watchers, "SAVE_SECONDS", -1 if self.often else 1e9)

        def __exit__(self, kind, error, trace):
            self.patch.undo()
            return kind is Crash

    def teardown(self):
        if hasattr(self, "path"):
            shutil.rmtree(self.path.parent)


@pytest.mark.slow
def test_any_order_of_interruptions_is_one_straight_run():
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=4,
            stateful_step_count=8,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
