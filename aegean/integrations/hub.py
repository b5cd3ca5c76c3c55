"""Models to and from the Hugging Face Hub: one file, its card and pictures; everything but the wire is ours."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aegean.config import UserError
from aegean.integrations.card import CARD, MODEL, Source, card, pictures, read_source
from aegean.model import Model
from aegean.surface import option, quiet

NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)
LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]*")
WAIT = 10  # seconds for the first answer of the Hub
LARGEST = 4 << 30  # bytes of a model file that is fetched


def push(run: str | Path, name: str, licence: str, private: bool = False) -> str:
    """Put the model of a run, or a model file, on the Hub as OWNER/NAME with a generated card; its address comes back.

    A model of aegean that is there gets a new commit, whatever else is there stays as it is: UserError. So for a name
    that is none, no or a wrong token, no network. `licence`: an identifier such as "apache-2.0".
    """
    library, source = need_hub(), read_source(run)
    check_name(name)
    files = contents(source, name, licence)
    if not library.get_token():
        raise UserError("There is no token for the Hub: `hf auth login`, or set HF_TOKEN to one that may write.")
    hub = library.HfApi(library_name="aegean")
    with wire(name, hub.endpoint):
        there = _info(hub, name)
        check_free(there, name, private)
        if there is None:
            hub.create_repo(name, private=private, exist_ok=True)
        add = library.CommitOperationAdd
        operations = [add(path, value) for path, value in files.items()]
        hub.create_commit(name, operations, commit_message=f"A {source.model.about.get('recipe')} by aegean")
    return f"{hub.endpoint}/{name}"


def pull(name: str, file: str | Path) -> Model:
    """Fetch the model OWNER/NAME of the Hub into `file`, which is written whole or not at all, and load it.

    UserError: a name that is none, no such model or not one of aegean, too large, damaged, no network.
    """
    library, file = need_hub(), Path(file)
    check_name(name)
    hub = library.HfApi(library_name="aegean")
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with wire(name, hub.endpoint):
            there = _info(hub, name)
            check_model(there, name)
            got = Path(hub.hf_hub_download(name, MODEL, revision=there.sha, local_dir=temporary, etag_timeout=WAIT))
        try:
            model = Model.load(got)
        except UserError as error:
            raise UserError(str(error).replace(str(got), f"{name}: its {MODEL}")) from None
        got.replace(file)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return model


def contents(source: Source, name: str, licence: str) -> dict[str, Path | bytes]:
    """What lies on the Hub, by path: the model as the run has it, the card and its pictures."""
    need_hub()
    if not LICENCE.fullmatch(licence):
        raise UserError(
            f"{option('licence', licence)}: expected an identifier of the Hub, such as apache-2.0 or cc-by-4.0."
        )
    shown = pictures(source)
    return {MODEL: source.file, CARD: card(source, name, licence, shown).encode(), **shown}


def check_name(name: str) -> None:
    """UserError: the Hub can have nothing of this name."""
    if not NAME.fullmatch(name) or ".." in name or "--" in name or name.endswith((".", "-", ".git")):
        raise UserError(f"{name!r} is no name on the Hub; expected OWNER/NAME, such as ada/digits-vae.")


def check_free(there: Any, name: str, private: bool) -> None:
    """UserError: what is on the Hub under this name would be hurt."""
    if there is None:
        return
    files = {one.rfilename for one in there.siblings or ()} - {".gitattributes"}
    if files and there.library_name != "aegean":
        raise UserError(f"{name} is on the Hub already, and not a model of aegean; choose another name.")
    if private and not there.private:
        raise UserError(
            f"{name} is on the Hub already, for all to see; choose another name, or leave {option('private')} out."
        )


def check_model(there: Any, name: str) -> None:
    """UserError: there is nothing under this name to be fetched."""
    if there is None:
        raise UserError(f"There is no model {name} on the Hub, or it is private: then `hf auth login` first.")
    found = next((one for one in there.siblings or () if one.rfilename == MODEL), None)
    if found is None:
        raise UserError(f"{name} holds no model of aegean: there is no {MODEL} in it.")
    if (found.size or 0) > LARGEST:
        raise UserError(f"{name}: its {MODEL} has {found.size:,} bytes; at most {LARGEST:,} are fetched.")


def _info(hub: Any, name: str) -> Any:
    """What the Hub says of a model, None where it has none or shows none."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return hub.model_info(name, timeout=WAIT, files_metadata=True)
    except RepositoryNotFoundError:
        return None


@contextlib.contextmanager
def wire(name: str, endpoint: str) -> Iterator[None]:
    """What goes wrong on the way to the Hub and back, in one sentence each, without the library's own running notes."""
    try:
        with quiet("huggingface_hub"):
            yield
    except UserError:
        raise
    except Exception as error:  # the library raises many kinds, those of its network layer among them
        if isinstance(error, OSError) and error.filename:  # a place of this machine
            raise
        raise UserError(_words(error, name, endpoint)) from None


def _words(error: BaseException, name: str, endpoint: str) -> str:
    """A sentence from the error that lies at the root, and the Hub's answer if there was one."""
    status, said = None, ""
    link: BaseException | None = error
    while link is not None:
        status = status or getattr(getattr(link, "response", None), "status_code", None)
        said = getattr(link, "server_message", None) or said or ("" if link.__cause__ else str(link))
        link = link.__cause__
    reason = (said.strip() or type(error).__name__).splitlines()[0].rstrip(".")
    if status == 401:
        return f"{endpoint} does not accept this token ({reason}); `hf auth login`, or set HF_TOKEN to a valid one."
    if status == 403:
        return f"This token may not write to {name} ({reason}); take one that may, or another OWNER."
    if status is not None:
        return f"{endpoint} refused {name} ({status}: {reason})."
    return f"{endpoint} cannot be reached, or broke off ({reason}); check the network and try again."


def need_hub() -> Any:
    """The library. UserError: it is missing."""
    try:
        import huggingface_hub
    except ImportError:
        raise UserError("The Hub needs the library huggingface_hub: pip install 'aegean[hub]'") from None
    return huggingface_hub
