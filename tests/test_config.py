import contextlib
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegean.config import Net, UserError, fits, from_json, nearest, net, parse_json, to_json
from aegean.data.info import DataInfo
from aegean.nets import ConvEncoder
from aegean.objectives import Ramp, Rate

INFO = DataInfo("digits", (1, 8, 8), (127.5,), (127.5,), classes=tuple("0123456789"), class_counts=(1,) * 10)


def test_tags_and_tuples_come_back():
    term = Rate(trains=("E", "bottleneck"), weight=Ramp(0.0, 1.0, 0.5))
    assert from_json(to_json(term)) == term


def test_unknown_types_fields_and_arguments_are_refused():
    with pytest.raises(UserError, match="Did you mean Rate"):
        from_json({"type": "Ratee"})
    with pytest.raises(UserError, match="no field 'wait'"):
        from_json({"type": "Rate", "trains": [], "wait": 1})
    with pytest.raises(UserError, match="cannot be read"):
        from_json({"type": "Rate"})
    with pytest.raises(UserError, match="Did you mean widths"):
        net(ConvEncoder, shape=(1, 8, 8), width=(4,)).build()
    with pytest.raises(UserError, match="Unknown network 'os'"):
        Net("os").build()


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 100_000, '{"a":' * 100_000, "nope"])
def test_json_that_python_cannot_hold_is_refused(text):
    with pytest.raises(UserError, match="f is not readable JSON"):
        parse_json(text, "f")


def test_nearest_names():
    assert nearest("vea", ["vae", "gan"]) == " Did you mean vae?"
    assert nearest("zzz", ["vae", "gan"]) == " Known: gan, vae."


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda v: (
        st.lists(v, max_size=4)
        | st.dictionaries(st.sampled_from(["type", "kind", "args", "trains", "weight", "a"]), v, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_read_or_refused(value):
    with contextlib.suppress(UserError):
        from_json(value)


@given(st.text())
def test_any_text_is_parsed_or_refused(text):
    with contextlib.suppress(UserError):
        parse_json(text, "file")


@pytest.mark.parametrize(
    ("value", "hint", "fit"),
    [
        (1, int, True), (True, int, False), (1.0, int, False), ("1", int, False),
        (1, float, True), (1.5, float, True), (True, float, False), (None, float | None, True),
        ((1, 2), tuple[int, ...], True), ((1, "a"), tuple[int, ...], False), ((), tuple[int, ...], True),
        ((1.0, 2), tuple[float, float], True), ((1.0,), tuple[float, float], False), (3, tuple[int, ...], False),
        ({"a": 1}, dict[str, int], True), ({"a": "b"}, dict[str, int], False), ([], dict[str, int], False),
        ("a", Literal["a", "b"], True), ("c", Literal["a", "b"], False), (object(), Any, True),
    ],
)  # fmt: skip
def test_whether_a_value_is_of_a_field_s_type(value, hint, fit):
    assert fits(value, hint) is fit


@pytest.mark.parametrize("field", [{"name": 3}, {"shape": 8}, {"shape": [8.5]}, {"scale": ["1"]}, {"count": "many"}])
def test_a_field_of_another_type_is_refused_by_its_name(field):
    info = {"type": "DataInfo", "name": "x", "shape": [8], "offset": [0.0], "scale": [1.0]}
    with pytest.raises(UserError, match=f"DataInfo cannot be read: {next(iter(field))} is"):
        from_json({**info, **field})
