"""Model cards: what a user has to know about an inpainter; importing this does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_inpaintaff.inpainting.metadata import InpainterMetadata
from napari_inpaintaff.networks.architecture import UNetArchitecture

_CARD = """\
# {name}

An inpainter of napari-inpaintaff: a network that predicts hidden pixels of a microscopy image from
known ones. Where one part of an image does not help to predict another, cells are separated.

| | |
| --- | --- |
{rows}

The near-hole error is that of hidden pixels within 8 px of known ones, in normalised units.
It was measured on {near_hole_images}.
The constant prior predicts the median of the image everywhere. All of this is about inpainting,
not about segmentation.

## Intended use

Separating touching cells of about {diameter:g} px in images like those it was trained on:

    inpaintaff segment IMAGE -o LABELS.tif --model {name}

Give `--diameter` for cells of another size; the image is resampled to fit.

## Limits

- It knows what its training images look like. For other stains, modalities or textures train an
  inpainter on your own images, without labels: `inpaintaff train-inpainter`.
- It does not know what is foreground. Give a mask, or a method that suits the image.
- Its predictions are plausible intensities, made to be compared with the observed ones. Never
  measure anything in them.
"""


def model_card(metadata: InpainterMetadata) -> str:
    """Render the model card of an inpainter.

    Parameters
    ----------
    metadata : InpainterMetadata
        Its description; whatever of ``training`` is unknown is left out, except that an
        unknown licence is said to be unknown.

    Returns
    -------
    str
        Markdown, ends with a newline.
    """
    training = metadata.training
    facts: dict[str, Any] = {
        "Training data": training.get("data", "unknown"),
        "Licence of the data": training.get("licence", "unknown"),
        "Source of the data": training.get("source"),
        "Training images": training.get("images"),
        "Network": describe_network(metadata.architecture),
        "Prediction": _prediction(metadata.architecture),
        "Denoising": _denoising(metadata.denoiser),
        "Normalisation": metadata.normalisation,
        "Cell diameter": f"{metadata.usual_diameter:g} px",
        "Loss": training.get("loss"),
        "Started from": training.get("started_from"),
        "Steps": training.get("steps"),
        "Crops per step": training.get("batch"),
        "Side of the crops": _with_unit(training.get("crop"), "px"),
        "Minutes": training.get("minutes"),
        "Seed": training.get("seed"),
        "Near-hole error (L1)": training.get("near_hole_l1"),
        "Near-hole error of the constant prior (L1)": training.get("near_hole_prior_l1"),
        "Near-hole error of a Gaussian filter (L1)": training.get("near_hole_gaussian_l1"),
        "Near-hole error relative to the constant prior": training.get("near_hole_l1_over_prior"),
        "Near-hole negative log-likelihood": _with_unit(training.get("near_hole_nll"), "nats"),
    }
    return _CARD.format(
        name=metadata.name,
        diameter=metadata.usual_diameter,
        rows=table_rows(facts),
        near_hole_images=training.get("near_hole_images", "images of the training set"),
    )


def _denoising(architecture: UNetArchitecture | None) -> str | None:
    if architecture is None:
        return None
    return (
        f"every image first, by a blind-spot network (Noise2Void): {describe_network(architecture)}"
    )


def table_rows(facts: Mapping[str, Any]) -> str:
    """Return the rows of a table of two columns in Markdown; what is None is left out."""
    known = {name: value for name, value in facts.items() if value is not None}
    return "\n".join(f"| {name} | {_cell(value)} |" for name, value in known.items())


def describe_network(architecture: UNetArchitecture) -> str:
    """Return the shape of a network in words."""
    convolutions = {
        "plain": "ordinary",
        "partial": "partial",
        "pix2pix": "the strided (pix2pix)",
    }[architecture.kind]
    widths = ", ".join(str(width) for width in architecture.widths)
    stem = f", {architecture.stem} x {architecture.stem} space to depth"
    return f"U-Net of {convolutions} convolutions, {widths} feature maps" + (
        stem if architecture.stem > 1 else ""
    )


def _prediction(architecture: UNetArchitecture) -> str:
    if architecture.outputs == 1:
        return "intensity of every pixel (L1)"
    return "Laplace distribution of every pixel (mean and scale)"


def _with_unit(value: Any, unit: str) -> str | None:
    return None if value is None else f"{value} {unit}"


def _cell(value: Any) -> str:
    """Return a value as the cell of a table: one line, no bars."""
    return " ".join(str(value).split()).replace("|", "\\|")
