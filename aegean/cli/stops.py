"""What ends a training before its time, told with the way to resume it."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Iterator

import torch

from aegean.cli.faults import INTERRUPTED, STOPPED, Stop
from aegean.training.folder import Folder
from aegean.training.guard import Fault
from aegean.training.loop import Interrupted
from aegean.training.world import Lost


@contextlib.contextmanager
def told(args: argparse.Namespace) -> Iterator[None]:
    """Stop for what ends a training; of several processes the leading one speaks."""
    path = str(getattr(args, "resume", None) or getattr(args, "out", "RUN"))
    place = shlex.quote(path)
    try:
        yield
    except Fault as fault:
        raise Stop(
            f"stopped by a guard: {str(fault).rstrip('.')}. The last good state is kept in {place} and can be sampled "
            f"and evaluated; train a new run from it at a lower rate: aegean train RECIPE --from {place} --set lr=... "
            "--data ... --out ...",
            STOPPED,
        ) from None
    except Lost as error:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # torchrun sends it to whom the loss has ended already
        again = f"; resume it with `aegean train --resume {place}`, in any number of processes"
        stop = Stop(f"{error}{again if Folder(path).state.exists() else ''}", STOPPED)
        if torch.cuda.is_available():  # an exit in order would wait for a sum that never comes
            stop.tell()
            sys.stderr.flush()
            os._exit(STOPPED)
        raise stop from None
    except Interrupted:
        resume = f"resume it with `aegean train --resume {place}`"
        again = resume if args.command == "train" else "give the command again"
        raise Stop(f"interrupted; the state is saved: {again}", INTERRUPTED) from None
