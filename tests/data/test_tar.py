"""Reading where files lie in a tar: against the standard library's reader, and against damage."""

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aegean.data.read.tar import BLOCK, Member, Special, members

NAMES = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=300).filter(
    lambda name: not name.endswith("/")
)


def tar(files, form=tarfile.PAX_FORMAT, **more):
    """{name: bytes} -> the bytes of a tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in more.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def found(data):
    return list(members(io.BytesIO(data), len(data)))


@settings(deadline=None)
@given(
    st.dictionaries(
        st.one_of(NAMES, st.text("é日/a.", max_size=150).map("{}.png".format)), st.binary(max_size=1500), max_size=6
    ),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    st.sampled_from([0, 1.5, 1e11]),
)
def test_files_are_found_where_the_standard_library_finds_them(files, form, mtime):
    data = tar(files, form, mtime=mtime)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        wanted = [Member(m.name, m.offset_data, m.size) for m in archive]
    assert found(data) == wanted


def test_long_names_of_the_oldest_layout():
    name = "f" * 90 + "/" + "x" * 99
    assert found(tar({name: b"abc"}, tarfile.USTAR_FORMAT)) == [Member(name, BLOCK, 3)]


def test_links_devices_and_sparse_files_are_marked_and_folders_left_out():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE)
        for kind in (*kinds, tarfile.DIRTYPE, tarfile.REGTYPE):
            info = tarfile.TarInfo(kind.decode())
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info, io.BytesIO(b""))
        info = tarfile.TarInfo("pax-sparse")
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
        archive.addfile(info, io.BytesIO(b""))
    names = [kind.decode() for kind in kinds]
    assert [m.name for m in found(out.getvalue()) if isinstance(m, Special)] == [*names, "pax-sparse"]
    assert [m.name for m in found(out.getvalue()) if isinstance(m, Member)] == ["0"]


def test_a_tar_may_end_without_its_end_marks():
    data = tar({"a": b"x" * 600, "b": b"y" * 512})
    whole = found(data)
    assert found(data[: whole[-1].offset + BLOCK]) == whole


def forged(size_field, kind=b"0", body=b""):
    """A header with a right sum and any size."""
    header = bytearray(tarfile.TarInfo("a").tobuf(tarfile.GNU_FORMAT)[:BLOCK])
    header[124:136], header[156:157] = size_field, kind
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + body


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"not a tar" * 100, "no tar"),
        (tar({"a": b"x" * 2000})[:1500], "truncated"),
        (tar({"a": b""})[:100], "truncated"),
        (forged(b"77777777777\0"), "truncated"),
        (forged(b"\x80" + b"\xff" * 11), "truncated"),
        (forged(b"-0000000010\0"), "a number"),
        (forged(b"\xff" * 12), "a number"),
        (forged(b"00010000000\0", b"L", bytes(1 << 21)), "a header of 2097152 bytes"),
        (forged(b"00000000007\0", b"x", b"7 path\n".ljust(BLOCK, b"\0")), "pax"),
        (forged(b"00000000007\0", b"x", b"0 a=b\n".ljust(BLOCK, b"\0")), "pax"),
        (forged(b"00000000013\0", b"x", b"11 size=-1\n".ljust(BLOCK, b"\0")) + forged(b"00000000000\0"), "size"),
    ],
)
def test_damage_and_lies_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        found(data)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_no_damage_leads_out_of_the_file_or_into_a_loop(data):
    content = bytearray(tar({"a" * 120: b"x" * 700, "b.png": b"y" * 512, "é": b""}, tarfile.PAX_FORMAT))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
        if data.draw(st.booleans()):  # make the sum right again
            start = place // BLOCK * BLOCK
            header = content[start : start + BLOCK]
            header[148:156] = b" " * 8
            content[start + 148 : start + 156] = b"%06o\0 " % sum(header)
    try:
        files = found(bytes(content))
    except ValueError:
        return
    assert all(m.offset + m.size <= len(content) for m in files if isinstance(m, Member))


def test_a_tar_behind_another_is_read_too():
    """As `cat a.tar b.tar` makes them: what follows the end is not left out without a word."""
    first, second = tar({"a": b"1"}), tar({"b": b"22"})
    assert [m.name for m in found(first + second)] == ["a", "b"]
    with pytest.raises(ValueError, match=r"damaged|truncated"):
        found(first + b"what is this" * 100)
