"""What went wrong, as one sentence and a status."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import re
import shlex
import sys
import traceback
from pathlib import Path

from aegean.config import UserError

DONE, OURS, USERS, STOPPED, INTERRUPTED = 0, 1, 2, 3, 130

# What the user, not we, can mend: a full disk, a forbidden or impossible place.
PLACES = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.EEXIST),
    *(errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL),
)


class Stop(Exception):
    """A command that ends before its time, for a reason that is no fault."""

    def __init__(self, text: str, status: int):
        self.text, self.status = text, status

    def tell(self) -> int:
        """Of several processes the leading one speaks."""
        return complain(self.text, self.status) if os.environ.get("RANK", "0") == "0" else self.status


def status(error: BaseException, args: argparse.Namespace) -> int:
    """Say what stopped a command, where anything need be said; the exit status."""
    if isinstance(error, BrokenPipeError):  # whoever read our answer has had enough
        silence()
        return DONE
    if isinstance(error, KeyboardInterrupt):
        return complain(f"interrupted{resumable(args)}", INTERRUPTED)
    if isinstance(error, Stop):
        return error.tell()
    if isinstance(error, UserError):
        return complain(f"error: {error}", USERS)
    if isinstance(error, MemoryError) or out_of_memory(error):
        return complain("error: not enough memory; lower --batch, --count or --set width=...", USERS)
    if isinstance(error, OSError) and error.errno in PLACES:
        return complain(f"error: {place(error)}: {error.strerror}; mend that and try again.", USERS)
    if isinstance(error, Exception):
        return our_fault(error, args)
    raise error


def out_of_memory(error: BaseException) -> bool:
    if not isinstance(error, RuntimeError):
        return False
    from aegean import machine

    return machine.out_of_memory(error)


def place(error: OSError) -> str:
    """The file that an error is about, as the user knows it."""
    if error.filename is None:  # the answer itself cannot be written
        silence()
    return re.sub(r"\.([^/]+)\.\d+\.tmp", r"\1", str(error.filename or "standard output"))


def silence() -> None:
    """Send what is left of stdout nowhere, so that closing it raises nothing."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(text: str, status: int) -> int:
    """One line to stderr, whatever the text holds."""
    with contextlib.suppress(BrokenPipeError):
        rank = os.environ.get("RANK", "0")  # of several processes under torchrun
        who = "aegean" if rank == "0" else f"aegean (process {rank})"
        print(f"{who}: {' '.join(text.split())}", file=sys.stderr)
    return status


def our_fault(error: Exception, args: argparse.Namespace) -> int:
    """Keep the traceback in the run folder where there is one, else print it."""
    trace = "".join(traceback.format_exception(error))
    what = f"this is a fault of aegean itself ({type(error).__name__})"
    if run := run_folder(args):
        place = run / "error.txt"
        with contextlib.suppress(OSError):
            place.write_text(trace, encoding="utf-8", errors="backslashreplace")
            return complain(f"{what}; the traceback is kept in {place}: please report it", OURS)
    print(trace, file=sys.stderr)
    return complain(f"{what}; please report it with the traceback above", OURS)


def run_folder(args: argparse.Namespace) -> Path | None:
    """The folder of the run that a command works on, if it is there."""
    for name in ("resume", "out", "run"):
        path = getattr(args, name, None)
        with contextlib.suppress(OSError, ValueError):
            if isinstance(path, str) and (Path(path) / "config.json").is_file():
                return Path(path)
    return None


def resumable(args: argparse.Namespace) -> str:
    """How to resume after an interruption, where something can be resumed."""
    run = run_folder(args)
    if getattr(args, "command", "") != "train" or run is None:
        return ""
    return f"; the state is saved: resume it with `aegean train --resume {shlex.quote(str(run))}`"
