"""The command line: `main` parses, calls a command and turns what went wrong into one sentence and a status.

Exit status: 0 done, 1 our fault, 2 the user's, 3 stopped by a guard, 130 interrupted. Nothing here imports torch:
`aegean --help` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import re
import shlex
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from aegean.cli.parser import parse
from aegean.config import UserError

DONE, OURS, USERS, STOPPED, INTERRUPTED = 0, 1, 2, 3, 130

# What the user, not we, can mend: a full disk, a forbidden or impossible place.
PLACES = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.EEXIST),
    *(errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (default: the program's own) and return its exit status."""
    if isinstance(argv, str):
        raise TypeError("argv is a list of words")
    for stream in (sys.stdout, sys.stderr):  # names of files need not be printable
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if argv is None:
        with contextlib.suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # wherever it comes, it ends as Ctrl-C does
    args = argparse.Namespace()
    try:
        args = parse(sys.argv[1:] if argv is None else list(argv))
        from aegean.cli import commands

        status = commands.run(args)
        if sys.stdout:
            sys.stdout.flush()
        return status
    except SystemExit as stop:  # --help and --version
        return int(stop.code or 0)
    except BrokenPipeError:  # whoever read our answer has had enough
        silence()
        return DONE
    except KeyboardInterrupt:
        return complain(f"interrupted{resumable(args)}", INTERRUPTED)
    except UserError as error:
        return complain(f"error: {error}", USERS)
    except MemoryError:
        return complain("error: not enough memory; lower --batch, --count or --set width=...", USERS)
    except OSError as error:
        if error.errno not in PLACES:
            return our_fault(error, args)
        if error.filename is None:  # the answer itself cannot be written
            silence()
        name = re.sub(r"\.([^/]+)\.\d+\.tmp", r"\1", str(error.filename or "standard output"))  # as the user knows it
        return complain(f"error: {name}: {error.strerror}; mend that and try again.", USERS)
    except Exception as error:
        return our_fault(error, args)


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
    trace = traceback.format_exc()
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
    """How to go on after an interruption, where something can be gone on with."""
    run = run_folder(args)
    if getattr(args, "command", "") != "train" or run is None:
        return ""
    return f"; the state is saved: go on with `aegean train --resume {shlex.quote(str(run))}`"
