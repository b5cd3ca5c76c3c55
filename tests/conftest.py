"""What every test gets: a cache folder of its own; and for some, tiny trained runs and the command line."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch: bit-exact results belong to a number of threads, children's too

import numpy as np
import pytest

NO_SKIPS = bool(os.environ.get("AEGEAN_NO_SKIPS"))  # where all extras are installed, a skipped test is a failed one


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return unskipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return unskipped((yield))


def unskipped(report):
    """A report that says failed where it said skipped and nothing may be skipped."""
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        *_, reason = report.longrepr
        report.outcome, report.longrepr = "failed", f"{reason} (AEGEAN_NO_SKIPS is set: nothing may be skipped)"
    return report


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


@pytest.fixture(scope="session")
def tiny_runs(tmp_path_factory):
    """A folder of runs of some 20 steps: vae, ae and cgan (with classes) on digits; rows, a vae on plane.csv."""
    from aegean import api

    folder = tmp_path_factory.mktemp("runs")
    small = {"width": 8, "latent": 4, "batch": 16}
    api.train("vae", "digits", folder / "vae", images=640, evaluations=2, settings=small)
    api.train("ae", "digits", folder / "ae", images=320, evaluations=1, settings={**small, "conditional": True})
    api.train("gan", "digits", folder / "cgan", images=320, evaluations=1, settings={**small, "conditional": True})
    plane = np.random.default_rng(0).normal(size=(300, 2))
    np.savetxt(folder / "plane.csv", plane, delimiter=",", header="x,y", comments="")
    table = str(folder / "plane.csv")
    api.train("vae", table, folder / "rows", images=320, evaluations=1, settings={"width": 2, "batch": 16})
    return folder


@pytest.fixture
def call(capsys):
    """Call the command line; (status, stdout, stderr)."""
    from aegean.cli import main

    def one(*words):
        status = main([str(word) for word in words])
        return status, *capsys.readouterr()

    return one


@pytest.fixture
def done(call):
    """Call the command line, which must succeed; its stdout."""

    def one(*words):
        status, out, err = call(*words)
        assert status == 0, err
        assert "Traceback" not in err
        return out

    return one


@pytest.fixture
def refused(call):
    """Call the command line, which must blame the user in one line; that line."""

    def one(*words):
        status, out, err = call(*words)
        assert (status, out) == (2, ""), err
        assert "Traceback" not in err
        last = err.strip().splitlines()[-1]
        assert last.startswith("aegean: error: ")
        return last

    return one
