"""Texts: what is read of people's files, what is refused and how, and the vocabulary that gives every string back."""

import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegean.config import UserError
from aegean.data import DataOptions, open_data, read_inputs
from aegean.data.io.texts import plain_lines
from aegean.data.read.vocabulary import FIRST, decoded, encoded, pieces, scheme_in, scheme_of, vocabulary_of

LINES = [f"The {a} saw a {b}." for a in ("cat", "dog", "bird", "man", "boy") for b in ("fish", "tree", "house", "car")]
CHINESE = [f"{a}上{b}明月，{b}是地{a}霜。" for a in "春夏秋冬山" for b in "江水風雲"]
WORDS = vocabulary_of(LINES, "words")[0]


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("AEGEAN_CACHE", str(tmp_path / "cache"))

    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def all_texts(dataset):
    raw = np.concatenate((dataset.train, dataset.test))
    return sorted(decoded(raw, dataset.info.vocabulary))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["words", "characters", "bytes"]))
def test_every_string_comes_back(text, scheme):
    assert "".join(pieces(text, scheme)) == text
    vocabulary = vocabulary_of([*LINES, text, text], scheme)[0]
    for known in (vocabulary, WORDS):
        raw, cut = encoded([text], known, 4 * len(text) + 4)
        assert decoded(raw, known) == [text] and not cut.any()
        assert raw.max(initial=0) < len(known)


def test_the_data_choose_words_or_characters():
    assert scheme_of(LINES) == "words" and scheme_of(CHINESE) == "characters"
    words = np.random.default_rng(0).choice(list("abcdefghij"), (50, 9))
    assert scheme_of(["".join(word) for word in words]) == "characters"
    for scheme in ("words", "characters", "bytes"):
        assert scheme_in(vocabulary_of(LINES, scheme)[0]) == scheme


def test_rare_pieces_are_spelled_in_bytes_and_counted():
    vocabulary, left, share = vocabulary_of(["one one two"], "words")
    assert vocabulary[FIRST:] == () and left == 3 and share == 1
    assert vocabulary_of(["one one", "one one"], "words")[0][FIRST:] == (" one", "one")


def test_rare_characters_stay_whole_so_that_what_is_behind_them_keeps_its_place():
    vocabulary, left, _ = vocabulary_of(["春眠不覺曉", "處處聞啼鳥"], "characters")
    assert left == 0 and len(vocabulary) == FIRST + 9
    assert encoded(["春眠不覺曉"], vocabulary, 8)[0].astype(bool).sum() == 5


def test_lines_of_a_file_are_samples(file, capsys):
    path = file("lines.txt", "\ufeff" + "\r\n".join(LINES[:10]) + "\r\n\r\n\r\n" + "\r\n".join(LINES[10:]) + "\r\n")
    dataset = open_data(str(path))
    assert all_texts(dataset) == sorted(LINES) and dataset.info.kind == "text"
    assert "2 blank lines" in capsys.readouterr().err
    assert dataset.info.dtype == "uint16" and dataset.info.vocabulary[0] == ""


def test_the_vocabulary_does_not_know_the_held_out_part(file):
    lines = [f"word{n // 2} stays" for n in range(200)]
    dataset = open_data(DataOptions(str(file("a.txt", "\n".join(lines))), vocabulary="words"))
    known = vocabulary_of(decoded(np.asarray(dataset.train), dataset.info.vocabulary), "words")[0]
    assert set(known) == set(dataset.info.vocabulary)


def test_rare_words_are_spelled_in_parts_that_other_words_share():
    stems = ["walk", "talk", "jump", "sing", "read", "cook", "play", "work", "look", "bark", "fold", "mend"]
    texts = [f"They like {stem}ing." for stem in stems]
    vocabulary, _, _ = vocabulary_of(texts, "words")
    raw, cut = encoded(["They like yodeling."], vocabulary, 12)
    assert "ing" in vocabulary and decoded(raw, vocabulary) == ["They like yodeling."] and not cut.any()
    assert vocabulary.index("ing") in raw[0] and (raw[0] > 0).sum() < len(" yodeling") + 3


@pytest.mark.parametrize("separator,ending", [(",", "csv"), ("\t", "tsv"), (";", "csv")])
def test_a_column_of_a_table_with_labels(file, separator, ending):
    rows = [separator.join((str(n), f'"{line}"', "ab"[n % 2])) for n, line in enumerate(LINES)]
    path = file(f"t.{ending}", "\n".join([separator.join(("id", "text", "label")), *rows]))
    dataset = open_data(f"{path}:text")
    assert all_texts(dataset) == sorted(LINES) and dataset.info.classes == ("a", "b")
    assert sum(dataset.info.class_counts) == dataset.info.count == len(dataset.train_labels)


def test_a_number_counts_the_columns_of_a_table_without_names(file):
    path = file("t.tsv", "\r\n".join(f"{n}\t{line}" for n, line in enumerate(LINES)))
    assert all_texts(open_data(f"{path}:2")) == sorted(LINES)


def test_fields_and_folders_with_classes(file):
    for name, lines in (("a", LINES[:10]), ("b", LINES[10:])):
        path = file(f"texts/{name}/x.jsonl", "\n".join(json.dumps({"t": line, "n": 1}) for line in lines))
    dataset = open_data(f"{path.parent.parent}:t")
    assert all_texts(dataset) == sorted(LINES) and dataset.info.classes == ("a", "b")


def test_a_zip_is_read_in_place(file):
    path = file("all.zip", "")
    with zipfile.ZipFile(path, "w") as archive:
        for name, lines in (("a", LINES[:10]), ("b", LINES[10:])):
            archive.writestr(f"{name}/x.txt", "\n".join(lines))
    dataset = open_data(str(path))
    assert all_texts(dataset) == sorted(LINES) and dataset.info.classes == ("a", "b")
    path.write_bytes(path.read_bytes().replace(b"The", b"Tha", 1))
    with pytest.raises(UserError, match="damaged"):
        open_data(str(path))


def test_long_lines_are_cut_and_counted_or_refused(file, capsys):
    path = file("long.txt", "\n".join([*LINES * 10, "a b " * 250_000]))
    dataset = open_data(str(path))
    assert dataset.info.shape == (8,) and "1 of 201 are cut" in capsys.readouterr().err
    with pytest.raises(UserError, match="1 text of 201 longer"):
        open_data(DataOptions(str(path), length=8))
    assert open_data(DataOptions(str(path), length=8, skip_bad=True)).info.count < 200


def test_a_test_part_from_elsewhere_takes_the_vocabulary(file):
    test = file("test.txt", "\n".join(["A new word.", *LINES[:3]]))
    dataset = open_data(DataOptions(str(file("a.txt", "\n".join(LINES))), test=str(test)))
    assert decoded(np.asarray(dataset.test), dataset.info.vocabulary)[0][:5] == "A new"
    assert len(dataset.test) == 4 and dataset.info.count == len(LINES)


BAD = [
    ("a.txt", "", "empty"),
    ("a.txt", "\n\n \n", "blank"),
    ("a.txt", "one line only", "1 text; at least 20"),
    ("a.txt", "\n".join(["the same"] * 30), "equal"),
    ("a.txt", b"\0\1\2" * 50, "no text but"),
    ("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no text but"),
    ("a.txt", "\n".join(LINES).encode() + b"\nab\xff", "line 21, byte 3 .0xff."),
    ("a.csv:body", "text,label\na,b\n", "no column 'body'"),
    ("a.csv:text", "n,text\n1\n2,b\n", "line 2 has 1 cells"),
    ("a.jsonl:text", '{"text": {"a": 1}}', "line 1 has an object"),
    ("a.jsonl:text", '{"text": "a"}\n{"text": 5}', r"line 2 has a number \(5\)"),
    ("a.jsonl:body", '{"text": "a"}', "no field 'body'"),
    ("a.jsonl", '{"body": "a"}', "no field 'text'"),
    ("a.jsonl", "[1, 2]", "a list, not an object"),
    ("a.jsonl", "{", "no JSON"),
    ("a.jsonl", "[" * 100_000, "no JSON"),
    ("a.jsonl", '{"text": "\\ud800"}', "half of a character"),
    ("a.png:text", "x", "columns are for"),
]


@pytest.mark.parametrize("name,content,words", BAD)
def test_what_is_no_text_is_refused_in_one_sentence(file, name, content, words):
    place, _, column = name.partition(":")
    path = file(place, content)
    with pytest.raises(UserError, match=words) as error:
        open_data(f"{path}:{column}" if column else str(path))
    assert "\n" not in str(error.value)


def test_bad_lines_can_be_left_out(file, capsys):
    path = file("a.txt", "\n".join(LINES).encode() + b"\nab\xff")
    assert all_texts(open_data(DataOptions(str(path), skip_bad=True))) == sorted(LINES)
    assert "line 21" in capsys.readouterr().err


def test_other_options_and_other_data_are_refused(file):
    for options in ({"length": 2}, {"vocabulary": "syllables"}):
        with pytest.raises(UserError, match="expected"):
            open_data(DataOptions(str(file("a.txt", "\n".join(LINES))), **options))
    with pytest.raises(UserError, match="no texts"):
        open_data(DataOptions("digits", vocabulary="words"))
    with pytest.raises(UserError, match="holds texts; give images"):
        open_data(DataOptions(str(file("a.txt", "\n".join(LINES))), size=8))


def test_inputs_of_a_model_are_in_order_and_pictures_are_refused(file):
    info = open_data(str(file("a.txt", "\n".join(LINES)))).info
    _, raw = read_inputs([str(file("b.txt", "\n".join(reversed(LINES))))], info)
    assert decoded(raw, info.vocabulary) == list(reversed(LINES))
    with pytest.raises(UserError, match="texts"):
        read_inputs(["digits"], info)
    with pytest.raises(UserError):
        read_inputs([str(file("b.txt", "\n".join(LINES)))], open_data("digits").info)


def test_breaks_within_a_text_are_written_as_spaces_and_said(file, capsys):
    info = open_data(str(file("a.txt", "\n".join(LINES)))).info.replace(shape=(8,))
    raw, _ = encoded(["The\ncat", "The cat"], info.vocabulary, 8)
    assert plain_lines(raw, info).splitlines() == ["The cat", "The cat"]
    assert "1 text of 2 with line breaks" in capsys.readouterr().err
