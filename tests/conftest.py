"""What every test gets: a cache folder of its own."""

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def cache_folder(tmp_path_factory):
    """Packs and feature networks of the tests never touch the user's cache."""
    before = os.environ.get("AEGEAN_CACHE")
    os.environ["AEGEAN_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["AEGEAN_CACHE"]
    else:
        os.environ["AEGEAN_CACHE"] = before
