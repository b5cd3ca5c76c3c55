"""Feeds: what is streamed equals what is resident, bit for bit; and what happens when the data go away."""

import gc
import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aegean.config import UserError
from aegean.data import DataInfo
from aegean.data.sets import feed as loader
from aegean.data.sets.feed import Feed

CPU = torch.device("cpu")


def info_of(raw):
    return DataInfo("set", raw.shape[1:], (3.0,), (2.0,), str(raw.dtype))


def values(n, dtype="uint8", seed=0):
    top = 1 if dtype == "float32" else np.iinfo(dtype).max
    return (np.random.default_rng(seed).random((n, 2, 5, 4)) * top).astype(dtype)


@pytest.fixture
def streamed(monkeypatch):
    """streamed(raw, labels, ...) -> a feed that holds no samples."""

    def make(raw, labels=None, seed=1, **more):
        with monkeypatch.context() as patch:
            patch.setattr(loader, "RESIDENT_LIMIT", 0)
            feed = Feed(info_of(raw), raw, labels, CPU, seed, **more)
        assert not feed.resident
        return feed

    return make


@pytest.fixture
def file(tmp_path):
    """file(array) -> the array as a memory map of a file."""

    def save(array):
        np.save(tmp_path / "set.npy", array)
        return np.load(tmp_path / "set.npy", mmap_mode="r")

    return save


def equal(a, b):
    (x, x_labels), (y, y_labels) = a[:2], b[:2]
    assert x.dtype == y.dtype == torch.float32 and torch.equal(x, y)
    assert (x_labels is None) == (y_labels is None) and (x_labels is None or torch.equal(x_labels, y_labels))


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(
    n=st.integers(1, 60),
    size=st.integers(1, 70),
    starts=st.lists(st.integers(0, 500), min_size=1, max_size=4),
    dtype=st.sampled_from(["uint8", "uint16", "float32"]),
    labelled=st.booleans(),
    stream=st.text(max_size=5),
)
def test_streamed_equals_resident_at_any_start(tmp_path_factory, n, size, starts, dtype, labelled, stream):
    raw, labels = values(n, dtype), np.arange(n) % 3 if labelled else None
    path = tmp_path_factory.mktemp("feed") / "set.npy"
    np.save(path, raw)
    resident = Feed(info_of(raw), raw, labels, CPU, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loader, "RESIDENT_LIMIT", 0)
        feed = Feed(info_of(raw), np.load(path, mmap_mode="r"), labels, CPU, 1)
    assert resident.resident and not feed.resident
    for start in (*starts, starts[-1] + size, starts[-1] + 2 * size):  # jumps are wrong guesses, the last are right
        index = torch.arange(start, start + size)
        for each in (resident, feed):
            each.ready(stream, start, size)
        equal(resident.batch(stream, index), feed.batch(stream, index))
        equal(resident.batch(stream, index), feed.take(stream, start, size))


@pytest.mark.parametrize("of_a_file", [True, False])
def test_an_epoch_of_a_stream_shows_every_sample_once(streamed, file, of_a_file):
    raw = np.arange(40, dtype=np.float32).reshape(40, 1, 1, 1)
    feed = streamed(file(raw) if of_a_file else raw)
    seen = []
    for start in range(0, 80, 8):
        feed.ready("s", start, 8)
        seen += feed.batch("s", torch.arange(start, start + 8))[0].flatten().tolist()
    assert sorted(seen[:40]) == sorted(seen[40:]) == ((raw - 3) / 2).flatten().tolist() and seen[:40] != seen[40:]


def test_batches_are_filled_in_place(streamed, file):
    feed = streamed(file(values(50)), np.arange(50))
    feed.ready("a", 0, 8)
    feed.ready("b", 0, 8)
    places = [t.data_ptr() for t in feed.tensors()]
    assert len(set(places)) == len(places) == 3 + 2 * 3  # offset, scale, labels; first, samples, rows
    for start in (8, 16, 400):
        feed.ready("a", start, 8)
        feed.ready("b", start, 8)
    assert [t.data_ptr() for t in feed.tensors()] == places


@pytest.mark.parametrize("processes", [2, 3, 5])
def test_each_process_fetches_its_part_of_a_batch_or_the_whole(streamed, file, processes):
    raw, labels = file(values(50)), np.arange(50)
    resident = Feed(info_of(raw), raw, labels, CPU, 1)
    for rank in range(processes):
        feed = streamed(raw, labels, part=(rank, processes))
        part = range(20 * rank // processes, 20 * (rank + 1) // processes)
        for start, whole in ((0, False), (20, False), (0, True), (40, False), (60, True), (60, False)):
            feed.ready("s", start, 20, whole=whole)
            resident.ready("s", start, 20)
            index = start + (torch.arange(20) if whole else torch.tensor(part))
            equal(resident.batch("s", index), feed.batch("s", index))
        assert len(feed.tensors()[-1]) == len(part)  # the buffer of whole batches is none of a step's


def until(condition):
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_the_next_batch_is_fetched_while_this_one_is_used(streamed, file, tmp_path):
    feed = streamed(file(values(50)))
    feed.ready("s", 0, 8)
    until(lambda: feed._windows["s"].pending.done())
    (tmp_path / "set.npy").rename(tmp_path / "away.npy")
    feed.ready("s", 8, 8)  # was there already
    with pytest.raises(UserError, match=r"set\.npy cannot be read any more.*Restore.*resume"):
        feed.ready("s", 16, 8)
    with pytest.raises(UserError, match=r"set\.npy"):
        feed.ready("s", 16, 8)
    (tmp_path / "away.npy").rename(tmp_path / "set.npy")
    feed.ready("s", 16, 8)
    equal(feed.batch("s", torch.arange(16, 24)), feed.take("s", 16, 8))


def test_a_file_that_became_shorter_is_an_error_and_no_crash(streamed, file, tmp_path):
    feed = streamed(file(values(50)))
    with (tmp_path / "set.npy").open("r+b") as opened:
        opened.truncate(600)
    with pytest.raises(UserError, match="shorter"):
        feed.ready("s", 0, 8)
    with pytest.raises(UserError, match="shorter"):
        feed.take("s", 0, 8)


def test_views_of_a_memory_map_are_read_as_views(streamed, file):
    raw = file(values(50))
    for view in (raw[10:], raw[::2], raw[:, :1]):
        equal(streamed(view).take("s", 3, 9), streamed(np.array(view)).take("s", 3, 9))


def test_the_threads_of_a_feed_end_with_it(streamed, file):
    def ours():
        return [thread for thread in threading.enumerate() if thread.name.startswith("aegean-feed")]

    gc.collect()
    until(lambda: not ours())
    feed = streamed(file(values(50)))
    feed.ready("s", 0, 8)
    assert ours()
    del feed
    until(lambda: not ours())


def test_where_the_samples_are_kept_is_said_with_the_reason(streamed):
    raw = values(50)
    said = [streamed(raw).residence, Feed(info_of(raw), raw, None, CPU, 1).residence]
    assert "streamed from where they lie" in said[0] and "do not fit into 0.00 MB" in said[0]
    assert "held in memory" in said[1] and "fit into" in said[1]


def test_little_free_memory_means_streaming(monkeypatch):
    raw = values(50)
    monkeypatch.setattr(loader, "free_memory", lambda: 4 * raw.nbytes - 1)
    assert not Feed(info_of(raw), raw, None, CPU, 1).resident
    monkeypatch.setattr(loader, "free_memory", lambda: 4 * raw.nbytes)
    assert Feed(info_of(raw), raw, None, CPU, 1).resident
    monkeypatch.undo()
    assert 1 << 20 < loader.free_memory() < 1 << 62
