"""The estimators keep scikit-learn's contract, and bring back what they were given."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from aegean.sklearn import AutoencoderTransformer, GenerativeModel

TINY = {"images": 320, "batch": 16, "settings": {"width": 2}}


@parametrize_with_checks(
    [AutoencoderTransformer(**TINY), GenerativeModel(2, **TINY), GenerativeModel(2, recipe="gan", **TINY)]
)
def test_the_contract_of_estimators_is_kept(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def plane():
    return np.random.default_rng(0).normal(size=(200, 3)) @ [[1, 2, 3], [0, 1, 5], [0, 0, 0.1]] + 7


def test_a_saved_transformer_comes_back_the_same(plane, tmp_path):
    fitted = AutoencoderTransformer(2, random_state=0, **TINY).fit(plane)
    fitted.save(tmp_path / "model.safetensors")
    again = AutoencoderTransformer.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.transform(plane), fitted.transform(plane))
    assert again.get_params() == clone(fitted).get_params()
