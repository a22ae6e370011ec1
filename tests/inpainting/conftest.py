"""An inpainter that was trained in seconds, and a folder for models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_world import finish, one_thread, short_training, smooth_textures

from napari_inpaintaff.inpainting import Inpainter, TrainingUpdate, catalogue, train_inpainter


@pytest.fixture(scope="session")
def trained() -> tuple[list[TrainingUpdate], Inpainter]:
    """Updates and result of one short training."""
    updates = train_inpainter(
        smooth_textures(), short_training(120), name="textures", notes={"licence": "CC0"}
    )
    with one_thread():
        return finish(updates)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture
def model_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the user's own models, instead of the real one."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setattr(catalogue, "user_model_folder", lambda: folder)
    return folder
