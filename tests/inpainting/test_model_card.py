"""Model cards."""

from __future__ import annotations

from napari_inpaintaff.inpainting import ARCHITECTURES, InpainterMetadata, model_card
from napari_inpaintaff.networks import UNetArchitecture

TRAINING = {
    "data": "nuclei of two | kinds",
    "licence": "CC0",
    "images": 396,
    "steps": 12000,
    "minutes": 17.5,
    "seed": 3,
    "batch": 32,
    "crop": 64,
    "near_hole_l1": 0.1512,
    "near_hole_prior_l1": 0.5012,
    "near_hole_l1_over_prior": 0.3017,
    "near_hole_nll": -0.25,
    "near_hole_images": "images held out from the training",
}


def rows(card: str) -> dict[str, str]:
    lines = [line for line in card.splitlines() if line.startswith("| ") and "---" not in line]
    cells = [tuple(line.strip("| ").split(" | ", 1)) for line in lines[1:]]
    return dict(cells)


def test_the_card_holds_what_was_recorded() -> None:
    metadata = InpainterMetadata("nuclei", ARCHITECTURES["small"], training=TRAINING)
    card = model_card(metadata)
    table = rows(card)
    assert card.startswith("# nuclei\n")
    assert card.endswith(".\n")
    assert table["Training data"] == r"nuclei of two \| kinds"
    assert table["Licence of the data"] == "CC0"
    assert table["Steps"] == "12000"
    assert table["Minutes"] == "17.5"
    assert table["Seed"] == "3"
    assert table["Near-hole error (L1)"] == "0.1512"
    assert table["Near-hole error of the constant prior (L1)"] == "0.5012"
    assert table["Near-hole error relative to the constant prior"] == "0.3017"
    assert "Laplace" in table["Prediction"]
    assert "32, 64, 64, 64 feature maps, 2 x 2 space to depth" in table["Network"]
    assert "images held out from the training" in card
    assert "## Intended use" in card
    assert "--model nuclei" in card
    assert "## Limits" in card


def test_what_is_unknown_is_left_out_but_not_the_licence() -> None:
    architecture = ARCHITECTURES["pconv"]
    card = model_card(InpainterMetadata("mine", architecture, diameter=12.5))
    table = rows(card)
    assert table["Licence of the data"] == "unknown"
    assert table["Cell diameter"] == "12.5 px"
    assert "partial convolutions" in table["Network"]
    assert "Steps" not in table
    assert "None" not in card
    assert "Denoising" not in table


def test_a_denoiser_is_told() -> None:
    small = ARCHITECTURES["small"]
    denoiser = UNetArchitecture("plain", (8, 16), outputs=1)
    table = rows(model_card(InpainterMetadata("mine", small, denoiser=denoiser)))
    assert "Noise2Void" in table["Denoising"]
    assert "8, 16 feature maps" in table["Denoising"]
