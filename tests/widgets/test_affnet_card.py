"""What the user sees of an AffNet among the models."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_inpaintaff.errors import ModelFileError
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.networks import UNetArchitecture, build_unet
from napari_inpaintaff.networks.model_file import ModelFile, write_model_file
from napari_inpaintaff.separation import AffNet, AffNetMetadata
from napari_inpaintaff.widgets.model_cards import AFFNET_TEXT, model_cards, read_model_card

SMALL = UNetArchitecture("plain", (4, 6), outputs=12)


@pytest.fixture
def affnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(catalogue, "user_model_folder", lambda: tmp_path)
    metadata = AffNetMetadata("a", SMALL, alpha=1.1, training={"labelled_cells": 7})
    path: Path = AffNet(build_unet(SMALL), metadata, device="cpu").save(
        tmp_path / "mine.safetensors"
    )
    return path


def test_an_affnet_needs_one_pass_and_brings_its_alpha(affnet: Path) -> None:
    [listed] = [card for card in model_cards() if card.name == "mine"]
    for card in (listed, read_model_card(affnet)):
        assert card.one_pass
        assert card.alpha == 1.1
        assert card.description.startswith(AFFNET_TEXT)
        assert "labelled_cells: 7" in card.description


def test_models_of_other_kinds_are_not_offered(affnet: Path) -> None:
    other = write_model_file(affnet.with_name("other.safetensors"), ModelFile("guess", {}, {}))
    with pytest.raises(ModelFileError, match="of kind 'guess'"):
        read_model_card(other)
    assert "other" not in [card.name for card in model_cards()]
