"""Descriptions of networks from strangers: nothing but a sentence comes of them, and no memory is taken."""

import contextlib
import inspect
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aegean.config import Net, UserError, networks
from aegean.data.info import DataInfo
from aegean.nets.limits import check_memory
from aegean.recipes import configure

DIGITS = DataInfo("digits", (1, 8, 8), (127.5,), (127.5,))
SIZES = st.one_of(st.integers(-2, 9), st.sampled_from([10**6, 10**12, 2**63, 10**30]))
VALUES = st.one_of(
    SIZES,
    st.lists(SIZES, max_size=4).map(tuple),
    st.lists(st.lists(SIZES, max_size=3).map(tuple), max_size=3).map(tuple),
    st.sampled_from(
        [None, True, "linear", "", 0.5, float("nan"), float("inf"), {}, Net("Identity", {"level": (4,), "latent": 2})]
    ),
)


@st.composite
def descriptions(draw):
    kind = draw(st.sampled_from(sorted(name for name in networks() if not name.startswith("Diffusers"))))
    names = list(inspect.signature(networks()[kind]).parameters)
    chosen = draw(st.lists(st.sampled_from(names) if names else st.nothing(), unique=True))
    return Net(kind, {name: draw(VALUES) for name in chosen})


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(descriptions())
def test_any_description_is_built_or_refused_in_words(spec):
    with contextlib.suppress(UserError), warnings.catch_warnings(action="ignore"):  # torch warns of empty tensors
        check_memory({"net": spec})


@pytest.mark.parametrize("option", [{"width": 10**6}, {"width": 10**12}, {"latent": 10**9}])
def test_networks_that_no_memory_holds_are_refused_before_they_are_made(option):
    with pytest.raises(UserError, match=r"GB|too large"):
        check_memory(configure("vae", DIGITS, option).nets)
