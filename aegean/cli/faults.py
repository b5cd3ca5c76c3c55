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

from aegean.cli.outputs import ANSWER
from aegean.config import UserError
from aegean.files import write_atomically
from aegean.surface import clean

NO_THREADS = ("can't start new thread", "Resource temporarily unavailable")
DONE, OURS, USERS, STOPPED, INTERRUPTED = 0, 1, 2, 3, 130

# What the user, not we, can mend: a full or broken disk, a forbidden or impossible place, a machine in use.
PLACES = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.EEXIST),
    *(errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL, errno.EILSEQ),
    *(errno.EIO, errno.ENXIO, errno.EBUSY, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM),
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
        return complain(f"error: {place(error)}{error.strerror}; mend that and try again.", USERS)
    if isinstance(error, RuntimeError) and any(words in str(error) for words in NO_THREADS):
        return complain("error: this machine starts no more threads; end other programs or raise `ulimit -u`.", USERS)
    if isinstance(error, Exception):
        return our_fault(error, args)
    raise error


def out_of_memory(error: BaseException) -> bool:
    if not isinstance(error, RuntimeError):
        return False
    from aegean import machine

    return machine.out_of_memory(error)


def place(error: OSError) -> str:
    """ "FILE: ", as the user knows it; nothing where the error names none."""
    if error.filename == ANSWER:
        silence()
    if error.filename is None:
        return ""
    name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else str(error.filename)
    return re.sub(r"\.([^/]+)\.\d+\.tmp", r"\1", name) + ": "


def silence() -> None:
    """Send what is left of stdout nowhere, so that closing it raises nothing."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(text: str, status: int) -> int:
    """One line to stderr, whatever the text holds."""
    with contextlib.suppress(BrokenPipeError):
        rank = os.environ.get("RANK", "0")  # of several processes under torchrun
        who = "aegean" if rank == "0" else f"aegean (process {rank})"
        print(clean(f"{who}: {' '.join(text.split())}"), file=sys.stderr)
    return status


def our_fault(error: Exception, args: argparse.Namespace) -> int:
    """Keep the traceback in the run folder where there is one, else print it."""
    trace = "".join(traceback.format_exception(error))
    what = f"this is a fault of aegean itself ({type(error).__name__})"
    run = run_folder(args)
    if run and getattr(args, "command", "") == "train":  # commands that read write nothing
        place = run / "error.txt"
        with contextlib.suppress(OSError, UserError):
            write_atomically(place, trace.encode(errors="backslashreplace"))
            return complain(f"{what}; the traceback is kept in {place}: please report it", OURS)
    print(clean(trace), file=sys.stderr)
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
