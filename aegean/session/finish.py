"""From a run's present state to its end: training, the fitted prior, the final evaluation; and what went wrong."""

from __future__ import annotations

import contextlib
import traceback

from aegean.config import UserError
from aegean.data import Dataset
from aegean.files import FULL, write_atomically
from aegean.machine import out_of_memory, set_threads
from aegean.metrics.protocol import Evaluator
from aegean.model import Model
from aegean.session.evaluate import COUNTED, write_scores
from aegean.session.memory import too_large
from aegean.session.priors import fitted
from aegean.session.runs import load
from aegean.surface import say
from aegean.training.folder import Folder
from aegean.training.guard import Fault
from aegean.training.inherit import give
from aegean.training.loop import Interrupted, follow, lead
from aegean.training.settings import Settings
from aegean.training.trainer import Trainer
from aegean.training.world import Lost


def finish(
    folder: Folder, plan: Settings, dataset: Dataset, evaluator: Evaluator, trainer: Trainer, resumed: bool = False
) -> Model:
    """Train a run to its end and evaluate it; the model.

    folder, plan: the run.
    dataset: its data.
    evaluator: measures while it trains.
    trainer: at the run's beginning; it takes the saved state, if there is one.
    resumed: whether the plan was read from a file, which may say what no recipe would.
    """
    try:
        return _finish(folder, plan, dataset, evaluator, trainer)
    except (UserError, Fault, Interrupted, Lost, KeyboardInterrupt):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise UserError(f"No space left to write {folder.path}; free some and resume.") from None
        if not out_of_memory(error):
            with contextlib.suppress(UserError, OSError):
                write_atomically(folder.path / "error.txt", traceback.format_exc())
            if resumed and (trainer.seen == 0 or trainer.images == trainer.placed) and not isinstance(error, OSError):
                trace = folder.path / "error.txt"
                raise UserError(
                    f"The resumed run takes no step ({error!r}). If {folder.config} was changed, restore it "
                    f"from a copy; if not, this is a fault of aegean: please report it with {trace}."
                ) from None
            raise
    raise UserError(too_large(folder, plan, dataset, trainer))  # out here, where the error's own tensors are gone


def _finish(folder: Folder, plan: Settings, dataset: Dataset, evaluator: Evaluator, trainer: Trainer) -> Model:
    world = trainer.world
    if plan.inherited and not world.share(folder.state.exists()):
        give(trainer, plan)
    if world.leads:
        lead(folder, plan, trainer, evaluator)
    else:
        follow(plan, trainer, evaluator)
    set_threads()  # fewer may have been enough for training
    world.any(False)  # the model is written
    model = load(folder.path, trainer.device)
    if plan.prior and model.about.get("prior") != plan.prior:  # the latents have moved since it was fitted
        say(f"fitting the {plan.prior} prior anew")
        model = (fitted(folder, plan, dataset) if world.leads else model).to(trainer.device)
        world.any(False)
        model = load(folder.path, trainer.device)
    if world.share(not evaluated(folder, plan)):
        say(f"evaluating on {min(dataset.info.test_count, COUNTED):,} held-out samples")
        write_scores(folder, Evaluator(dataset, evaluator.network, COUNTED, world=world), model, plan.images)
    return model


def evaluated(folder: Folder, plan: Settings) -> bool:
    """Whether there are scores of the finished model."""
    try:
        return folder.evaluation()[0] == plan.images
    except UserError as error:
        say(f"note: {error}")
        return False
