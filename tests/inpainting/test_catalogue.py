"""Inpainters by name: shipped ones, the user's own, and damaged files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_world import untrained

from napari_inpaintaff.errors import ModelFileError
from napari_inpaintaff.inpainting import (
    DEFAULT_INPAINTER,
    Inpainter,
    available_inpainters,
    catalogue,
    checkpoint_path,
    find_inpainter,
    model_card,
)
from napari_inpaintaff.networks.catalogue import SHIPPED_FOLDERS
from napari_inpaintaff.networks.model_file import ModelFile, write_model_file


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replace the shipped models by two untrained ones."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    for name in ("another", DEFAULT_INPAINTER):
        untrained().save(folder / f"{name}.safetensors")
    monkeypatch.setitem(SHIPPED_FOLDERS, "inpainter", folder)
    return folder


def test_the_default_comes_first_then_the_others(shipped: Path, model_folder: Path) -> None:
    untrained().save(model_folder / "mine.safetensors")
    entries = available_inpainters()
    assert [entry.name for entry in entries] == [DEFAULT_INPAINTER, "another", "mine"]
    assert [entry.metadata.name for entry in entries] == [entry.name for entry in entries]
    for entry in entries:
        assert find_inpainter(entry.name) == entry.path


def test_a_damaged_file_is_left_out_with_a_warning(
    shipped: Path, model_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (model_folder / "broken.safetensors").write_bytes(b"nonsense")
    (model_folder / "notes.txt").write_text("not a model")
    assert [entry.name for entry in available_inpainters()] == [DEFAULT_INPAINTER, "another"]
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert "broken.safetensors" in record.getMessage()


def test_a_checkpoint_of_a_training_is_no_model(
    shipped: Path, model_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint_path(model_folder / "mine.safetensors").write_bytes(b"weights and moments")
    assert [entry.name for entry in available_inpainters()] == [DEFAULT_INPAINTER, "another"]
    assert not caplog.records


def test_models_of_other_kinds_are_left_out(
    shipped: Path, model_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for kind in ("student", "crystal-ball"):
        write_model_file(model_folder / f"{kind}.safetensors", ModelFile(kind, {}, {}))
    assert [entry.name for entry in available_inpainters()] == [DEFAULT_INPAINTER, "another"]
    # A student is in order, it only belongs to another list.
    [record] = caplog.records
    assert "crystal-ball.safetensors is a model of kind 'crystal-ball'" in record.getMessage()
    with pytest.raises(ModelFileError, match="of kind 'student', not 'inpainter'"):
        Inpainter.load("student")


def test_a_shipped_name_cannot_be_taken(
    shipped: Path, model_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    untrained().save(model_folder / "another.safetensors")
    assert [entry.path.parent for entry in available_inpainters()] == [shipped, shipped]
    assert find_inpainter("another").parent == shipped
    assert "has a shipped model's name" in caplog.text


def test_no_folder_of_the_user(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "user_model_folder", lambda: tmp_path / "nowhere")
    assert len(available_inpainters()) == 2


def test_a_file_is_found_by_its_path(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = untrained().save(tmp_path / "mine.safetensors")
    monkeypatch.chdir(tmp_path)
    assert find_inpainter(path) == path
    assert find_inpainter("mine.safetensors") == Path("mine.safetensors")
    assert find_inpainter("./mine.safetensors") == Path("mine.safetensors")


@pytest.mark.parametrize("name", ["nucleus", "", "../shipped/another", "a" * 5000, "nul\0"])
def test_an_unknown_name_is_answered_with_the_known_ones(
    name: str, shipped: Path, model_folder: Path
) -> None:
    with pytest.raises(ModelFileError, match=f"one of: {DEFAULT_INPAINTER}, another"):
        find_inpainter(name)


def test_no_models_at_all(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHIPPED_FOLDERS, "inpainter", model_folder)
    with pytest.raises(ModelFileError, match="one of: none"):
        Inpainter.load("nuclei")


def test_listing_does_not_import_torch() -> None:
    program = (
        "import sys; from napari_inpaintaff.inpainting import available_inpainters, model_card; "
        "available_inpainters(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_shipped_models_are_small_and_come_with_their_cards(model_folder: Path) -> None:
    entries = available_inpainters()
    assert sum(entry.path.stat().st_size for entry in entries) <= 38e6  # of the 40 MB of a wheel
    for entry in entries:
        assert entry.metadata.training["licence"] == "CC0"
        card = entry.path.with_suffix(".md").read_text(encoding="utf-8")
        assert card == model_card(entry.metadata)
        inpainter = Inpainter.load(entry.name, device="cpu", dtype=torch.float32)
        assert inpainter.metadata == entry.metadata
