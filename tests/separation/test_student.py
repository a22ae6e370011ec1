"""The student: its file, its names, and what its affinities may depend on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tiny_student import ARCHITECTURE, OFFSETS, random_inpainter, random_student
from torch import Tensor, nn

from napari_inpaintaff.errors import ImageError, ModelFileError, ParameterError
from napari_inpaintaff.inpainting import DEFAULT_INPAINTER, Inpainter, catalogue
from napari_inpaintaff.networks import UNetArchitecture, tiles
from napari_inpaintaff.networks.catalogue import SHIPPED_FOLDERS
from napari_inpaintaff.networks.model_file import ModelFile, read_model_file, write_model_file
from napari_inpaintaff.separation import (
    Student,
    StudentMetadata,
    affinities_from_labels,
    available_models,
    available_students,
    compute_student_affinities,
    find_student,
    iterate_student_affinities,
    load_model,
    student_card,
)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the user's own models; two other ones hold a shipped model of each kind."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setattr(catalogue, "user_model_folder", lambda: folder)
    for kind in ("inpainter", "student"):
        (tmp_path / kind).mkdir()
        monkeypatch.setitem(SHIPPED_FOLDERS, kind, tmp_path / kind)
    random_inpainter().save(tmp_path / "inpainter" / f"{DEFAULT_INPAINTER}.safetensors")
    random_inpainter().save(tmp_path / "inpainter" / "another.safetensors")
    random_student().save(tmp_path / "student" / "quick.safetensors")
    return folder


def some_image(shape: tuple[int, int], seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).gamma(2, 500, shape).astype(np.float32)


@pytest.mark.parametrize("denoise", [False, True])
def test_a_student_survives_its_file(denoise: bool, tmp_path: Path) -> None:
    student = random_student(denoise=denoise, alpha=2.25, diameter=30.0, training={"steps": 7})
    path = student.save(tmp_path / "mine.safetensors")
    loaded = Student.load(path, device="cpu", dtype=torch.float32)
    assert loaded.metadata.name == "mine"
    assert loaded.metadata == StudentMetadata.read(path)
    assert loaded.metadata.offsets == OFFSETS
    assert (loaded.metadata.alpha, loaded.metadata.diameter) == (2.25, 30)
    assert (loaded.denoiser is not None) == denoise
    image = some_image((40, 31))
    np.testing.assert_allclose(loaded.denoise(image), student.denoise(image), rtol=1e-2)
    expected = compute_student_affinities(image, student)
    found = compute_student_affinities(image, loaded)
    np.testing.assert_allclose(found.values, expected.values, atol=0.02 if denoise else 1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offsets": OFFSETS[:4]}, "4 offsets has as many outputs, got 5"),
        ({"offsets": (*OFFSETS[:4], (0, 0))}, r"other than \(0, 0\)"),
        ({"offsets": ()}, "other than"),
        ({"alpha": 0.0}, "alpha"),
        ({"alpha": float("nan")}, "alpha"),
        ({"diameter": -1.0}, "diameter"),
        ({"normalisation": "none"}, "normalisation 'none'"),
        ({"architecture": UNetArchitecture("partial", (4, 6), outputs=5)}, "got 'partial'"),
    ],
)
def test_a_description_that_cannot_be(changes: dict[str, Any], message: str) -> None:
    values = {"architecture": ARCHITECTURE, "offsets": OFFSETS, **changes}
    with pytest.raises(ParameterError, match=message):
        StudentMetadata("wrong", **values)


@pytest.mark.parametrize(
    "changes", [{"offsets": [[1, 2, 3]]}, {"alpha": "much"}, {"alpha": None}, {"unknown": 1}]
)
def test_a_damaged_description(changes: dict[str, Any], tmp_path: Path) -> None:
    path = random_student().save(tmp_path / "mine.safetensors")
    file = read_model_file(path, "student")
    write_model_file(path, ModelFile("student", {**file.metadata, **changes}, file.weights))
    with pytest.raises(ModelFileError, match=r"the description of the student in .*mine"):
        Student.load(path)


def test_weights_of_another_network(tmp_path: Path) -> None:
    path = random_student().save(tmp_path / "mine.safetensors")
    file = read_model_file(path, "student")
    weights = {name: value for name, value in file.weights.items() if "head" not in name}
    write_model_file(path, ModelFile("student", file.metadata, weights))
    with pytest.raises(ModelFileError, match="do not fit"):
        Student.load(path)


def test_both_kinds_in_one_list_and_each_in_its_own(models: Path) -> None:
    random_student().save(models / "b.safetensors")
    random_inpainter().save(models / "a.safetensors")
    entries = available_models()
    assert [entry.name for entry in entries] == [DEFAULT_INPAINTER, "another", "quick", "a", "b"]
    kinds = [entry.metadata.kind for entry in entries]
    assert kinds == ["inpainter", "inpainter", "student", "inpainter", "student"]
    assert [entry.name for entry in available_students()] == ["quick", "b"]
    assert [entry.name for entry in catalogue.available_inpainters()] == [
        DEFAULT_INPAINTER,
        "another",
        "a",
    ]
    for entry, kind in zip(entries, kinds, strict=True):
        model = load_model(entry.name, device="cpu", dtype=torch.float32)
        assert isinstance(model, Student if kind == "student" else Inpainter)
        assert model.metadata == entry.metadata


def test_names_are_unique_over_both_kinds(models: Path, caplog: pytest.LogCaptureFixture) -> None:
    random_student().save(models / "another.safetensors")
    random_inpainter().save(models / "quick.safetensors")
    assert [entry.name for entry in available_models()] == [DEFAULT_INPAINTER, "another", "quick"]
    assert caplog.text.count("has a shipped model's name") == 2
    assert isinstance(load_model("another", device="cpu"), Inpainter)
    assert isinstance(load_model("quick", device="cpu"), Student)


def test_a_file_goes_by_its_path_and_a_name_by_the_list(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    random_student(alpha=9.0).save("quick")
    assert find_student("quick") == tmp_path / "student" / "quick.safetensors"
    assert find_student("./quick") == Path("./quick")
    assert load_model("quick", device="cpu").metadata == StudentMetadata.read(find_student("quick"))
    [own] = [load_model(path, device="cpu") for path in ["./quick"]]
    assert isinstance(own, Student)
    assert own.metadata.alpha == 9


def test_models_that_are_not_there(models: Path) -> None:
    with pytest.raises(ModelFileError, match=r"'slow'; give a file or one of: quick$"):
        find_student("slow")
    with pytest.raises(ModelFileError, match=f"one of: {DEFAULT_INPAINTER}, another, quick$"):
        load_model("slow")
    with pytest.raises(ModelFileError, match="of kind 'inpainter', not 'student'"):
        Student.load("another")
    with pytest.raises(ModelFileError, match="of kind 'student', not 'inpainter'"):
        Inpainter.load("quick")


def test_damaged_students_are_left_out(models: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = random_student().save(models / "broken.safetensors")
    file = read_model_file(path, "student")
    write_model_file(path, ModelFile("student", {**file.metadata, "alpha": -1}, file.weights))
    assert [entry.name for entry in available_students()] == ["quick"]
    assert "broken.safetensors" in caplog.text


def test_listing_models_does_not_import_torch() -> None:
    program = (
        "import sys; from napari_inpaintaff.separation import available_models, StudentMetadata; "
        "available_models(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_shipped_students_are_small_and_come_with_their_cards() -> None:
    for entry in available_students():
        if entry.path.parent != SHIPPED_FOLDERS["student"]:
            continue
        assert entry.path.stat().st_size <= 2e6
        assert entry.metadata.training["licence"] == "CC0"
        card = entry.path.with_suffix(".md").read_text(encoding="utf-8")
        assert card == student_card(entry.metadata)
        student = Student.load(entry.name, device="cpu", dtype=torch.float32)
        assert student.metadata == entry.metadata


def test_the_card_says_what_a_user_has_to_know() -> None:
    record = {"teacher": "a | b", "licence": "CC0", "agreement": 0.875, "seed": None}
    card = student_card(random_student(training=record, alpha=1.25, diameter=31.0).metadata)
    for line in (
        "| Teacher | a \\| b |",
        "| Licence of the data | CC0 |",
        "| Training data | unknown |",
        "| Alpha | 1.25 |",
        "| Agreement | 0.875 |",
        "| Prediction | affinities of 5 offsets |",
    ):
        assert f"{line}\n" in card
    assert "of about 31 px" in card
    assert "None" not in card
    assert card.endswith("\n")


@settings(deadline=None, max_examples=25)
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 99))
def test_weights_say_where_affinities_are_known(height: int, width: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    wanted = random.random((height, width)) < 0.5
    found = compute_student_affinities(
        some_image((height, width), seed), random_student(), wanted=wanted
    )
    inside = affinities_from_labels(np.zeros((height, width), int), OFFSETS).weight
    np.testing.assert_array_equal(found.weight, inside * wanted)
    assert found.offsets == OFFSETS
    assert found.values.dtype == found.weight.dtype == np.float32
    assert not found.values[found.weight == 0].any()
    known = found.values[found.weight > 0]
    assert ((known >= 0) & (known <= 1)).all()


@pytest.mark.parametrize("shape", [(150, 130), (64, 200)])
def test_tiles_leave_no_seams(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    student, image = random_student(), some_image(shape)
    whole = compute_student_affinities(image, student)
    monkeypatch.setattr(tiles, "TILE", 30)
    updates = iterate_student_affinities(image, student)
    seen = []
    while True:
        try:
            seen.append(next(updates))
        except StopIteration as end:
            tiled = end.value
            break
    np.testing.assert_allclose(tiled.values, whole.values, atol=1e-5)
    assert whole.values[whole.weight > 0].std() > 0.01
    per_axis = [-(-length // 32) for length in shape]
    assert [update.done for update in seen] == list(range(per_axis[0] * per_axis[1] + 1))
    assert {update.total for update in seen} == {per_axis[0] * per_axis[1]}


@settings(deadline=None, max_examples=20)
@given(corner=st.tuples(st.integers(0, 100), st.integers(0, 80)), side=st.integers(1, 50))
def test_what_else_is_wanted_does_not_matter(corner: tuple[int, int], side: int) -> None:
    student, image = random_student(), some_image((130, 110))
    wanted = np.zeros(image.shape, bool)
    wanted[corner[0] : corner[0] + side, corner[1] : corner[1] + side] = True
    whole = compute_student_affinities(image, student)
    part = compute_student_affinities(image, student, wanted=wanted)
    np.testing.assert_allclose(part.values, whole.values * wanted, atol=1e-5)


def seen_pixels(wanted: NDArray[np.bool_]) -> list[int]:
    """Return how many pixels the network is given in every call."""
    calls: list[int] = []

    def remember(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if len(inputs) == 2:
            calls.append(inputs[0].numel())

    with nn.modules.module.register_module_forward_pre_hook(remember):
        compute_student_affinities(some_image((500, 400)), random_student(), wanted=wanted)
    return calls


def test_only_what_is_wanted_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = np.zeros((500, 400), bool)
    assert seen_pixels(wanted) == []
    wanted[203:210, 301:306] = True
    reach = tiles.REACH_STRIDES * ARCHITECTURE.stride
    assert seen_pixels(wanted) == [(2 * reach + 16) * (2 * reach + 16)]
    wanted[490:, :10] = True
    monkeypatch.setattr(tiles, "TILE", 32)
    calls = seen_pixels(wanted)
    assert len(calls) == 2
    assert max(calls) <= (32 + 2 * reach) ** 2


def test_unknown_pixels_are_never_seen() -> None:
    student, image = random_student(), some_image((32, 32))
    values = student.normalise(image)
    values[5:9, 7:20] = np.nan
    found = student.predict(values)
    assert np.isfinite(found).all()
    changed = student.predict(np.nan_to_num(values, nan=3.0))
    assert not np.allclose(found, changed)


@pytest.mark.parametrize("factor", [0.5, 2, 3])
def test_cells_of_another_size_are_resampled(factor: float) -> None:
    student = random_student()
    image = np.kron(some_image((48, 48)), np.ones((6, 6)))
    shape = tuple(round(length * factor / 6) for length in image.shape)
    rows, columns = ((np.arange(length) * 6 / factor + 3 / factor).astype(int) for length in shape)
    resampled = image[np.ix_(rows, columns)]
    found = compute_student_affinities(resampled, student, diameter=25 * factor)
    assert found.shape == shape
    assert found.offsets[:2] == OFFSETS[:2]
    assert found.offsets[2] == (round(-3 * factor), 0)
    assert set(np.unique(found.weight)) == {0, 1}
    if factor > 1:
        # The middle of an enlarged pixel shows what the small image shows.
        small = compute_student_affinities(image[3::6, 3::6], student)
        middle = round(factor // 2)
        back = found.values[:, middle :: round(factor), middle :: round(factor)]
        inner = (slice(None), slice(8, -8), slice(8, -8))
        assert np.corrcoef(back[inner].ravel(), small.values[inner].ravel())[0, 1] > 0.5


def test_what_cannot_be_an_image() -> None:
    student = random_student()
    with pytest.raises(ImageError, match="must be a plane"):
        compute_student_affinities(np.zeros((3, 4, 5)), student)
    with pytest.raises(ImageError, match="wanted pixels"):
        compute_student_affinities(np.ones((8, 8)), student, wanted=np.ones((8, 9), bool))
    with pytest.raises(ImageError, match="no finite pixel"):
        compute_student_affinities(np.full((8, 8), np.nan), student)
    with pytest.raises(ParameterError, match="diameter"):
        compute_student_affinities(some_image((8, 8)), student, diameter=0)
