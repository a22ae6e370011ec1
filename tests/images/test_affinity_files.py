"""Affinity files: lossless round trip, and files that are not ours."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.errors import ImageError, OutputError, ParameterError
from napari_inpaintaff.images import read_affinities, read_affinity_file, write_affinities


def example(height: int = 9, width: int = 7, count: int = 12) -> Affinities:
    rng = np.random.default_rng(0)
    values = rng.random((count, height, width), dtype=np.float32)
    weight = rng.integers(0, 9, values.shape).astype(np.float32)
    return Affinities(values, PUBLISHED_OFFSETS[:count], weight)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 12), st.booleans())
def test_everything_comes_back_without_loss(
    height: int, width: int, count: int, with_foreground: bool
) -> None:
    affinities = example(height, width, count)
    foreground = affinities.values[0] > 0.5 if with_foreground else None
    with tempfile.TemporaryDirectory() as folder:
        path = write_affinities(
            Path(folder) / "a.npz",
            affinities,
            foreground=foreground,
            scale=(0.5, 0.25),
            units=("micrometer", "nanometer"),
        )
        saved = read_affinity_file(path)
        again = read_affinities(path)
    np.testing.assert_array_equal(saved.affinities.values, affinities.values)
    np.testing.assert_array_equal(again.weight, affinities.weight)
    assert again.offsets == affinities.offsets
    assert (saved.scale, saved.units) == ((0.5, 0.25), ("micrometer", "nanometer"))
    if foreground is None:
        assert saved.foreground is None
    else:
        np.testing.assert_array_equal(saved.foreground, foreground)


def test_scale_is_in_pixels_when_not_given(tmp_path: Path) -> None:
    saved = read_affinity_file(write_affinities(tmp_path / "a.npz", example()))
    assert (saved.scale, saved.units) == ((1.0, 1.0), ("pixel", "pixel"))


def test_alpha_is_kept_where_there_is_a_special_one(tmp_path: Path) -> None:
    assert read_affinity_file(write_affinities(tmp_path / "a.npz", example())).alpha is None
    path = write_affinities(tmp_path / "a.npz", example(), alpha=0.1)
    assert read_affinity_file(path).alpha == 0.1
    with pytest.raises(ParameterError, match="alpha"):
        write_affinities(tmp_path / "b.npz", example(), alpha=0.0)


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"shape of the image \(9, 7\), got \(3, 3\)"):
        write_affinities(tmp_path / "a.npz", example(), foreground=np.ones((3, 3), dtype=bool))
    with pytest.raises(OutputError, match=r"must end in \.npz"):
        write_affinities(tmp_path / "a.tif", example())
    assert not list(tmp_path.iterdir())


def assert_clear_error(path: Path, text: str) -> None:
    with pytest.raises(ImageError, match=text) as caught:
        read_affinities(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    assert_clear_error(path, "there is no file")
    assert_clear_error(tmp_path, "is a folder")
    path.write_bytes(b"")
    assert_clear_error(path, "not an affinity file, or it is cut off")
    path.write_bytes(b"II*\0 not a zip file")
    assert_clear_error(path, "not an affinity file")
    np.savez(path, values=np.zeros(3))
    assert_clear_error(path, r"not an affinity file \(format, version, offsets, .* missing\)")


def test_a_file_cut_off_or_changed_anywhere_is_refused(tmp_path: Path) -> None:
    path = write_affinities(tmp_path / "a.npz", example())
    whole = path.read_bytes()
    for cut in range(0, len(whole), len(whole) // 50):
        path.write_bytes(whole[:cut])
        assert_clear_error(path, "affinity file")
    middle = whole.find(b"values") + 200
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    assert_clear_error(path, "damaged affinity file")


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("format", np.array("something else"), "is not an affinity file"),
        ("version", np.array(2), "of version 2, this program reads version 1"),
        ("values", np.zeros((12, 9), dtype=np.float32), "damaged"),
        ("values", np.full((12, 9, 7), 1.5, dtype=np.float32), "between 0 and 1"),
        ("values", np.full((12, 9, 7), np.nan, dtype=np.float32), "between 0 and 1"),
        ("values", np.zeros((12, 9, 7), dtype=np.int32), "must be float32"),
        ("weight", np.zeros((12, 9, 6), dtype=np.float32), "weight must have the shape"),
        ("weight", np.full((12, 9, 7), -1, dtype=np.float32), "not negative"),
        ("offsets", np.zeros((11, 2), dtype=np.int32), "11 offsets"),
        ("offsets", np.zeros((12, 3), dtype=np.int32), "pairs of integers"),
        ("scale", np.array([1.0]), "need 2 scales"),
        ("scale", np.array([1.0, -1.0]), "positive"),
        ("foreground", np.ones((2, 2), dtype=bool), "foreground must have the shape"),
        ("foreground", np.ones((9, 7)), "must be bool"),
        ("alpha", np.array(-1.0), "alpha"),
        ("alpha", np.array(np.nan), "alpha"),
        ("alpha", np.array([1.0, 2.0]), "damaged"),
        ("alpha", np.array("much"), "damaged"),
    ],
)
def test_wrong_contents(tmp_path: Path, key: str, value: np.ndarray, text: str) -> None:
    path = write_affinities(tmp_path / "a.npz", example())
    with np.load(path) as archive:
        arrays: dict[str, Any] = dict(archive)
    np.savez(path, **(arrays | {key: value}))
    assert_clear_error(path, text)


class Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path(self.target),)

    def __init__(self, target: Path) -> None:
        self.target = str(target)


def test_loading_never_executes_code(tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    path = write_affinities(tmp_path / "a.npz", example())
    with np.load(path) as archive:
        arrays: dict[str, Any] = dict(archive)
    attack = np.array([Attack(trace)], dtype=object)
    np.savez(path, **(arrays | {"values": attack}))
    assert_clear_error(path, "damaged affinity file")
    assert not trace.exists()
    pickle.loads(pickle.dumps(Attack(trace)))
    assert trace.exists()  # the attack would have worked
