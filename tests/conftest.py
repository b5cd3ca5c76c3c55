"""What every test gets: a cache folder of its own; and for some, tiny trained runs and the command line."""

import os
import shutil

os.environ["OMP_NUM_THREADS"] = "1"  # before torch: bit-exact results belong to a number of threads, children's too
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as aegean sets it; without it a benchmark starts itself anew
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

import numpy as np
import pytest
from filelock import FileLock  # torch's own dependency
from hypothesis import settings

settings.register_profile("few", max_examples=30, deadline=None)  # benchmarks/fuzz_*.py try thousands
settings.load_profile("few")

NO_SKIPS = bool(os.environ.get("AEGEAN_NO_SKIPS"))  # where all extras are installed, a skipped test is a failed one


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return unskipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return unskipped((yield))


def pytest_collection_modifyitems(items):
    """What needs runs or models that are trained for it is slow."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


def unskipped(report):
    """A report that says failed where it said skipped and nothing may be skipped."""
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        *_, reason = report.longrepr
        report.outcome, report.longrepr = "failed", f"{reason} (AEGEAN_NO_SKIPS is set: nothing may be skipped)"
    return report


def common(factory):
    """The folder that all workers of this test run share."""
    base = factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(autouse=True, scope="session")
def cache_folder(tmp_path_factory):
    """Packs and feature networks of the tests never touch the user's cache; all workers share one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AEGEAN_CACHE", str(common(tmp_path_factory) / "cache"))
        yield


@pytest.fixture(autouse=True, scope="session")
def short_training():
    """Feature networks are trained in full on the 1,400 digits alone, once for all workers, and on other data for 20
    steps; a run is evaluated once, if a test does not ask for more."""
    from aegean.metrics import networks
    from aegean.session.options import TrainingOptions

    with pytest.MonkeyPatch.context() as patch:
        steps = networks.train_steps
        patch.setattr(networks, "train_steps", lambda count: steps(count) if count == 1400 else 20)
        patch.setitem(TrainingOptions.__init__.__kwdefaults__, "evaluations", 1)
        yield


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """shared(name, make) -> a folder that make(folder) has filled, once for all workers. Tests only read it."""

    def shared(name, make):
        folder = common(tmp_path_factory) / "shared" / name
        made = folder.with_suffix(".made")
        folder.parent.mkdir(exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                made.touch()
        return folder

    return shared


def make_tiny_runs(folder):
    import aegean

    small = {"width": 8, "latent": 4, "batch": 16}
    aegean.train("vae", "digits", folder / "vae", images=640, evaluations=2, settings=small)
    aegean.train("ae", "digits", folder / "ae", images=320, evaluations=1, settings={**small, "conditional": True})
    aegean.train("gan", "digits", folder / "cgan", images=320, evaluations=1, settings={**small, "conditional": True})
    plane = np.random.default_rng(0).normal(size=(300, 2))
    np.savetxt(folder / "plane.csv", plane, delimiter=",", header="x,y", comments="")
    table = str(folder / "plane.csv")
    aegean.train("vae", table, folder / "rows", images=320, evaluations=1, settings={"width": 2, "batch": 16})


@pytest.fixture(scope="session")
def tiny_runs(shared):
    """A folder of runs of some 20 steps: vae, ae and cgan (with classes) on digits; rows, a vae on plane.csv."""
    return shared("tiny", make_tiny_runs)


@pytest.fixture
def call(capfd):
    """Call the command line; (status, stdout, stderr), whoever writes there, libraries in C as well."""
    from aegean.cli import main

    def one(*words):
        status = main([str(word) for word in words])
        return status, *capfd.readouterr()

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
