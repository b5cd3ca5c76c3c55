import dataclasses
import struct
import tracemalloc
import zlib
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aegean.codec import CodecError, Header, pack, unpack
from aegean.codec.container import PREFIX, read_header
from aegean.codec.fields import Reader, Writer
from aegean.codec.names import is_name
from aegean.codec.pictures import LIMIT, Picture

NAMES = st.one_of(st.just(""), st.from_regex(r"\A[\w-]{1,12}(/[\w-]{1,12}){0,2}\Z"))
PICTURES = st.lists(
    st.builds(Picture, st.integers(1, 30), st.integers(1, 30), st.sampled_from([1, 3]), NAMES),
    min_size=1,
    max_size=6,
    unique_by=lambda p: p.name or id(p),
)
HEADERS = st.builds(
    Header,
    kind=st.sampled_from(["lossy", "lossless"]),
    model=st.binary(min_size=16, max_size=16),
    tile=st.tuples(st.just(3), st.integers(5, 40), st.integers(5, 40)),
    dtype=st.sampled_from(["uint8", "uint16", "float32"]),
    offset=st.floats(-1e6, 1e6),
    scale=st.floats(1e-6, 1e6),
    group=st.integers(1, 50),
    pictures=PICTURES.map(tuple),
)


SMALL = Picture(8, 8, 3)


def header(pictures=(SMALL,) * 5, **changes):
    found = Header("lossless", bytes(range(16)), (3, 8, 8), "uint8", 127.5, 127.5, 2, tuple(pictures))
    return dataclasses.replace(found, **changes)


def blocks(found, seed=0):
    return [
        bytes(np.random.default_rng(seed + n).integers(0, 256, 20 + n).astype(np.uint8)) for n in range(found.blocks)
    ]


@settings(max_examples=40, deadline=None)
@given(HEADERS)
def test_header_and_blocks_come_back(found):
    written = blocks(found)
    data = pack(found, written)
    assert unpack(data) == (found, written)
    assert read_header(data) == found


def test_a_thousand_small_pictures_cost_a_hundred_bytes_without_names():
    found = header([Picture(32, 32, 3)] * 1000, tile=(3, 32, 32), group=1000)
    assert len(pack(found, [b""])) < 100


@settings(max_examples=40, deadline=None)
@given(HEADERS, st.data())
def test_every_flipped_bit_is_refused(found, data):
    good = bytearray(pack(found, blocks(found)))
    good[data.draw(st.integers(0, len(good) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CodecError):
        unpack(bytes(good))


@settings(max_examples=40, deadline=None)
@given(HEADERS, st.data())
def test_every_truncation_and_addition_is_refused(found, data):
    good = pack(found, blocks(found))
    for bad in (good[: data.draw(st.integers(0, len(good) - 1))], good + data.draw(st.binary(min_size=1, max_size=9))):
        with pytest.raises(CodecError):
            unpack(bad)


def split(data, found):
    """The parts of a file: its head, and each block with its checksum."""
    head = PREFIX.size + PREFIX.unpack_from(data)[2]
    parts, place = [data[:head]], head
    for block in blocks(found):
        parts.append(data[place : place + len(block) + 4])
        place += len(block) + 4
    return parts


def test_blocks_cannot_change_places_nor_come_from_another_file_whose_header_says_the_same():
    found = header([Picture(8, 8, 3)] * 4)
    same = [b"x" * 20, b"y" * 20]
    one, other = pack(found, same), pack(found, [b"x" * 20, b"z" * 20])
    head = PREFIX.size + PREFIX.unpack_from(one)[2]
    for spliced in (
        one[:head] + one[head + 24 :] + one[head : head + 24],
        one[: head + 24] + other[head + 24 :],
        other[:head] + one[head:],
        one[: head + 24] + one[head : head + 24],
    ):
        with pytest.raises(CodecError, match="block"):
            unpack(spliced)


def resealed(data, change):
    """A file with changed fields, whose header's checksum is right."""
    magic, version, length, _ = PREFIX.unpack_from(data)
    fields = change(bytearray(data[PREFIX.size : PREFIX.size + length]))
    start = struct.pack("<8sHI", magic, version, len(fields))
    check = zlib.crc32(bytes(fields), zlib.crc32(start))
    return start + struct.pack("<I", check) + bytes(fields) + data[PREFIX.size + length :]


def written(*numbers, before=b"", after=b""):
    writer = Writer()
    writer.numbers(*numbers)
    return before + bytes(writer.data) + after


@contextmanager
def within(most):
    """No more than `most` bytes are allocated inside."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


HUGE = 1 << 62


@pytest.mark.parametrize(
    "sizes,reason",
    [
        ([1, HUGE, 8, 8, 3], "number of images"),
        ([1, 1, HUGE, 8, 3], "height"),
        ([1, 1, 8, 1 << 21, 3], "width"),
        ([1, 1 << 20, 1 << 10, 1 << 10, 3], "values"),
        ([2, 1, 1 << 14, 1 << 14, 3, 1, 1 << 14, 1 << 14, 3], "values"),
        ([HUGE], "number of sizes"),
        ([1, 0, 8, 8, 3], "number of images"),
        ([1, 1, 8, 8, 2], "channels"),
        ([1, 1, 8, 8, 4], "channels"),
        ([0], "number of sizes"),
    ],
)
def test_sizes_beyond_the_limits_are_refused_before_anything_is_made_for_them(sizes, reason):
    good = pack(header([Picture(8, 8, 3)]), [b"1234"])
    start = len(written(1, 3, 8, 8, 0, 2)) + 16 + 16

    def change(fields):
        return fields[:start] + written(*sizes) + fields[start + 5 :]

    with within(1 << 20), pytest.raises(CodecError, match=reason):
        unpack(resealed(good, change))


def test_names_that_unpack_to_far_more_are_refused_without_unpacking_them():
    bomb = zlib.compress(bytes(1 << 28), 9)
    reader = Reader(written(len(bomb)) + bomb)
    with within(1 << 21), pytest.raises(CodecError, match="unpacks to more"):
        reader.packed("names", 1 << 19)


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../up", "a/../../b", "a\\b", "c:x", "a//b", "a/", ".", "a\nb", "x" * 2000]
)
def test_a_name_that_leads_out_of_its_folder_is_refused(name):
    assert not is_name(name)
    with pytest.raises(CodecError, match="name"):
        unpack(pack(header([Picture(8, 8, 3, name)]), [b"1234"]))


def test_names_that_are_the_same_are_refused():
    with pytest.raises(CodecError, match="same name"):
        unpack(pack(header([Picture(8, 8, 3, "a"), Picture(8, 8, 3, "a")]), [b"1234"]))


@pytest.mark.parametrize(
    "at,value,reason", [(0, 7, "kind"), (1, 0, "channels"), (4, 9, "number type"), (5, 0, "in a block")]
)
def test_fields_outside_their_bounds_are_refused(at, value, reason):
    good = pack(header([Picture(8, 8, 3)]), [b"1234"])
    with pytest.raises(CodecError, match=reason):
        unpack(resealed(good, lambda fields: fields[:at] + bytes([value]) + fields[at + 1 :]))


def test_another_magic_and_a_later_version_are_refused_in_words():
    good = pack(header(), blocks(header()))
    with pytest.raises(CodecError, match="does not begin as"):
        unpack(b"\x89PNG" + good[4:])
    with pytest.raises(CodecError, match="version 2"):
        unpack(good[:8] + b"\x02\x00" + good[10:])
    with pytest.raises(CodecError, match="too few"):
        unpack(b"")


@given(st.integers(0, (1 << 63) - 1))
def test_numbers_come_back_and_have_one_form_only(value):
    data = written(value)
    assert Reader(data).number("n") == value
    longer = bytes([*data[:-1], data[-1] | 0x80, 0])
    with pytest.raises(CodecError, match="not a number"):
        Reader(longer).number("n")


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300))
def test_any_fields_behind_a_right_checksum_are_read_or_refused(fields):
    good = pack(header([Picture(8, 8, 3)]), [b"1234"])
    with pytest.raises(CodecError):
        unpack(resealed(good, lambda _: fields))


def test_the_limit_holds_a_picture_of_ten_thousand_squared():
    assert LIMIT > 3 * 10_016**2


def test_a_block_that_would_need_more_memory_than_any_that_is_written_is_refused():
    data = pack(header(group=1 << 20), [b"x"])
    with pytest.raises(CodecError, match="values; at most 8,388,608 are decoded at once"):
        unpack(data)
