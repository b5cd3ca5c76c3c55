"""Libraries that a file of tests needs, looked for but not imported: collecting the tests stays quick."""

from importlib.util import find_spec

import pytest


def needs(*libraries):
    """The mark of tests that are skipped where one of the libraries is missing."""
    missing = [name for name in libraries if find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")
