"""Session files: what comes back, and what is said of files that are none."""

from __future__ import annotations

import json
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_examples import cells, example

from napari_inpaintaff.errors import ImageError, InpaintAffError, OutputError
from napari_inpaintaff.images import pixel_fingerprint
from napari_inpaintaff.partition.corrections import unpack_corrections
from napari_inpaintaff.session import read_session, write_session


@pytest.fixture
def path(tmp_path):
    return write_session(tmp_path / "monday.inpaintaff-session", example())


def rewritten(path, change):
    """Change members of a session file: a dict of name to bytes."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def with_text(change):
    def apply(members):
        about = json.loads(members["session.json"])
        change(about)
        members["session.json"] = json.dumps(about).encode()

    return apply


def test_everything_comes_back(path):
    before, after = example(), read_session(path)
    assert after.saved == before.saved
    assert after.images == before.images
    assert after.regions == before.regions
    assert after.forms == before.forms
    (labels,), (kept,) = before.labels, after.labels
    assert replace(kept, data=0, corrections=(), evidence=None).__dict__ == (
        replace(labels, data=0, corrections=(), evidence=None).__dict__
    )
    np.testing.assert_array_equal(kept.data, labels.data)
    assert kept.data.dtype == labels.data.dtype
    np.testing.assert_array_equal(
        kept.evidence.affinities.values, labels.evidence.affinities.values
    )
    (plane,) = kept.corrections
    assert plane.index == (1,)
    saved = unpack_corrections(plane.arrays, path)
    assert saved.purpose == "split"
    assert saved.strokes.sum() == 4
    corrections = saved.corrections
    np.testing.assert_array_equal(corrections.state.labels, kept.data[1])
    corrections.redo()
    assert corrections.state.locked == {4}
    corrections.undo()
    corrections.undo()
    np.testing.assert_array_equal(corrections.state.labels, cells())


@given(cut=st.floats(0, 0.999))
@settings(max_examples=25, deadline=None)
def test_a_file_cut_anywhere_is_said_to_be_cut_off(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("cut") / "a.inpaintaff-session"
    write_session(path, example())
    data = path.read_bytes()
    path.write_bytes(data[: int(cut * len(data))])
    with pytest.raises(ImageError, match="is no session file, or it is cut off"):
        read_session(path)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_a_sentence_or_still_a_session(tmp_path_factory, seed):
    path = tmp_path_factory.mktemp("bad") / "a.inpaintaff-session"
    write_session(path, example())
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, len(data), 8):
        data[place] = rng.integers(0, 256)
    path.write_bytes(data)
    messages = [f"{path.name} is read"]
    try:
        read_session(path)
    except InpaintAffError as error:
        messages.append(str(error))
    assert all(path.name in message and "\n" not in message for message in messages)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda about: about.update(version=2), "newer version .* update the plugin"),
        (lambda about: about.update(format="something else"), "is no session file"),
        (lambda about: about.pop("labels"), "damaged session file: 'labels' is missing"),
        (lambda about: about["labels"][0].update(image=7), "image 7 that is not there"),
        (lambda about: about["labels"][0].update(data="../x.npy"), "damaged session file"),
        (lambda about: about["labels"][0].update(role="script"), "unknown labels"),
        (
            lambda about: about["labels"][0]["placement"].update(scale=[1, float("nan"), 1]),
            "finite",
        ),
        (lambda about: about["labels"][0]["corrections"][0].update(index=[9]), "not there"),
        (lambda about: about["images"][0]["placement"]["affine"].pop(), "not 4 x 4"),
        (lambda about: about.update(forms=[1]), "fields of the widgets"),
    ],
)
def test_what_does_not_fit_is_named(path, change, message):
    rewritten(path, with_text(change))
    with pytest.raises(ImageError, match=message):
        read_session(path)


class Bomb:
    """Unpickling this writes a file."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (open, (str(self.target), "w"))


def test_no_code_in_a_file_is_run(path, tmp_path):
    target = tmp_path / "was-run"
    bomb = np.array([Bomb(target)], dtype=object)

    def change(members):
        import io

        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, bomb, allow_pickle=True)
        members["labels/0/data.npy"] = buffer.getvalue()

    rewritten(path, change)
    with pytest.raises(ImageError, match="values of the type object"):
        read_session(path)
    path.write_bytes(pickle.dumps(Bomb(target)))
    with pytest.raises(ImageError, match="no session file"):
        read_session(path)
    assert not target.exists()


def test_an_array_that_claims_to_be_huge_takes_no_memory(path):
    def change(members):
        data = members["labels/0/data.npy"]
        members["labels/0/data.npy"] = data.replace(b"(3, 24, 40)", b"(9999999, 24, 40)")[:-6]

    rewritten(path, change)
    with pytest.raises(ImageError, match="not as long as it says"):
        read_session(path)


def test_a_session_that_cannot_be_written_leaves_the_one_before(path):
    before = path.read_bytes()
    broken = replace(example(), forms={"a": {"b": object()}})
    with pytest.raises(TypeError):
        write_session(path, broken)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with pytest.raises(OutputError, match="there is no folder"):
        write_session(path.parent / "none" / path.name, example())


def test_fingerprints_tell_images_apart_and_do_not_depend_on_how_they_are_stored(tmp_path):
    import dask.array as da

    rng = np.random.default_rng(0)
    small = rng.integers(0, 100, (3, 20, 30), np.uint16)
    large = rng.integers(0, 100, (5, 2048, 2048), np.uint16)
    for image in (small, large):
        assert pixel_fingerprint(da.from_array(image, chunks=7 * 64)) == pixel_fingerprint(image)
        assert pixel_fingerprint(image.astype(np.int32)) != pixel_fingerprint(image)
        other = image.copy()
        other[0, 0, 0] += 1
        assert pixel_fingerprint(other) != pixel_fingerprint(image)
    assert pixel_fingerprint(small[:2]) != pixel_fingerprint(small)
