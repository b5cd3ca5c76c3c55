"""Estimators on DataFrames of mixed columns."""

import numpy as np
import pytest

from aegean.sklearn import AutoencoderTransformer, GenerativeModel

pandas = pytest.importorskip("pandas")
RANDOM = np.random.default_rng(0)
KIND = RANDOM.integers(0, 3, 300)
FRAME = pandas.DataFrame(
    {
        "animal": np.array(["cat", "dog", "fish"])[KIND],
        "size": np.where(RANDOM.random(300) < 0.1, np.nan, np.round(KIND + RANDOM.normal(size=300), 2)),
        "legs": np.array([4, 4, 0])[KIND],
        "tame": KIND == 1,
        "born": pandas.Timestamp("2020-01-01") + pandas.to_timedelta(RANDOM.integers(0, 900, 300), "D"),
        "same": "x",
    }
)
TINY = {"images": 640, "batch": 32, "settings": {"width": 2}, "random_state": 0}


@pytest.fixture(scope="module")
def fitted():
    return GenerativeModel(4, **TINY).fit(FRAME)


def test_samples_are_a_frame_like_the_one_it_was_fitted_to(fitted):
    made = fitted.sample(200)
    assert list(made.columns) == list(FRAME.columns) and len(made) == 200
    assert list(map(str, made.dtypes)) == list(map(str, FRAME.dtypes))
    assert set(made["animal"]) <= set(FRAME["animal"]) and set(made["legs"]) <= {0, 4} and set(made["same"]) == {"x"}
    assert made["size"].dropna().between(FRAME["size"].min(), FRAME["size"].max()).all()
    assert made["born"].between(FRAME["born"].min(), FRAME["born"].max()).all()


def test_scores_and_files(fitted, tmp_path):
    scores = fitted.score_samples(FRAME)
    assert scores.shape == (300,) and np.isfinite(scores).all()
    fitted.save(tmp_path / "model.safetensors")
    again = GenerativeModel.load(tmp_path / "model.safetensors")
    pandas.testing.assert_frame_equal(again.sample(20, random_state=1), fitted.sample(20, random_state=1))
    with pytest.raises(ValueError, match="DataFrame"):
        again.score_samples(np.zeros((3, 6)))


def test_a_transformer_takes_mixed_columns():
    reducer = AutoencoderTransformer(2, **TINY).fit(FRAME)
    z = reducer.transform(FRAME)
    assert z.shape == (300, 2)
    assert list(reducer.inverse_transform(z).columns) == list(FRAME.columns)
    assert reducer.score(FRAME) < 1


def test_a_frame_of_numbers_gives_one():
    numbers = pandas.DataFrame(RANDOM.normal(size=(60, 3)), columns=list("abc"))
    assert list(GenerativeModel(2, **TINY).fit(numbers).sample(5).columns) == ["a", "b", "c"]
