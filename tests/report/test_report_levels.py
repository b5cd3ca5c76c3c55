"""The report of models with levels: each level redrawn, what each adds, what they cost."""

import numpy as np

import aegean
from aegean.report import compare_runs


def test_a_report_shows_levels_and_costs(levelled, tmp_path):
    names = ["hierarchical_vae", "stacked_gan", "multiscale_gan", "vae"]
    report = compare_runs([levelled / name for name in names], tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    for level in (0, 1):
        assert page.count(f"level {level} redrawn</figcaption>") == 3  # not of the flat one
    assert page.count("level 1 alone</figcaption>") == page.count("levels 0 and up</figcaption>") == 2
    assert "peak memory" in page
    assert all(row["memory"] > 10**7 and row["parameters"] and row["seconds"]["median"] for row in report["rows"])
    probes = {m["key"]: m for m in report["metrics"] if m["metric"] == "probe"}
    assert "linear probe of level 1" in page and page.count("How often a linear map finds") == 1
    assert {key.split("@")[1].split(":")[0] for key in probes} == {"level0", "level1", "latent0", "latent1"}
    assert all(m["floor"] > 0.9 for m in probes.values())  # raw pixels of digits


def test_rows_with_levels_are_shown_as_clouds(levelled, tmp_path):
    plane = np.random.default_rng(0).normal(size=(300, 2))
    np.savetxt(tmp_path / "plane.csv", plane, delimiter=",", header="x,y", comments="")
    aegean.train(
        "hierarchical_vae", str(tmp_path / "plane.csv"), tmp_path / "run", images=320, evaluations=1,
        settings={"width": 2, "batch": 32},
    )  # fmt: skip
    compare_runs([tmp_path / "run"], tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert "level 0 redrawn" in page and "level 1 alone" in page
