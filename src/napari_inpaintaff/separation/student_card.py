"""Model cards: what a user has to know about a student or an AffNet; without torch."""

from __future__ import annotations

from typing import Any

from napari_inpaintaff.inpainting.cards import describe_network, table_rows
from napari_inpaintaff.separation.affnet_metadata import AffNetMetadata
from napari_inpaintaff.separation.student_metadata import StudentMetadata

_CARD = """\
# {name}

A student of napari-inpaintaff: a network that predicts in one pass which pixels of a microscopy
image belong to the same cell. It has learned this, without labels by hand, from patches that an
inpainter took apart.

| | |
| --- | --- |
{rows}

The agreement is the probability that of two pairs of foreground pixels, one parted by the
inpainter and one kept together, the student gives the first the lower affinity: 1 is perfect, 0.5
is guessing. It was measured on {agreement_on}. It is agreement with the
inpainter, not with the truth.

## Intended use

Separating touching cells of about {diameter:g} px, in seconds, in images like those it was trained
on:

    inpaintaff segment IMAGE -o LABELS.tif --model {name}

Give `--diameter` for cells of another size; the image is resampled to fit.

## Limits

- It knows what its training images look like. For others distill a student from them:
  `inpaintaff distill`. It takes minutes, and no labels.
- It repeats what its teacher does wrong everywhere; what the teacher does wrong now and then
  averages out.
- Alpha suits its training images. In others, a larger one cuts more, a smaller one less.
- It does not know what is foreground. Give a mask, or a method that suits the image.
"""

_AFFNET_CARD = """\
# {name}

An AffNet of napari-inpaintaff: a network that predicts in one pass which pixels of a microscopy
image belong to the same cell. It has learned this from cells that were labelled by hand, as in
Wolf et al. 2018 (The mutex watershed).

| | |
| --- | --- |
{rows}

The agreement is the probability that of two pairs of pixels of cells, one of two cells and one of
the same, the AffNet gives the first the lower affinity: 1 is perfect, 0.5 is guessing. It was
measured on {agreement_on}.

## Intended use

Separating touching cells of about {diameter:g} px, in seconds, in images like those it was trained
on:

    inpaintaff segment IMAGE -o LABELS.tif --model {name}

Give `--diameter` for cells of another size; the image is resampled to fit.

## Limits

- It knows what its training images look like, and what was labelled in them. For others train it
  on labels of them: `inpaintaff train-affinities`. Without labels, `inpaintaff distill` trains a
  student.
- It repeats what is wrong in its labels everywhere.
- Few labelled cells make it sure of itself, not right: look at images that it has not seen.
- It does not know what is foreground. Give a mask, a method or an FGNet that suits the image.
"""


def student_card(metadata: StudentMetadata) -> str:
    """Render the model card of a student or an AffNet.

    Parameters
    ----------
    metadata : StudentMetadata or AffNetMetadata
        Its description; whatever of ``training`` is unknown is left out, except that an
        unknown licence is said to be unknown.

    Returns
    -------
    str
        Markdown, ends with a newline.
    """
    training = metadata.training
    labelled = isinstance(metadata, AffNetMetadata)
    facts: dict[str, Any] = {
        "Teacher": None if labelled else training.get("teacher", "unknown"),
        "Training data": training.get("data", "unknown"),
        "Licence of the data": training.get("licence", "unknown"),
        "Source of the data": training.get("source"),
        "Training images": training.get("images"),
        "Cells labelled by hand": training.get("labelled_cells"),
        "Started from": training.get("started_from"),
        "Network": describe_network(metadata.architecture),
        "Prediction": f"affinities of {len(metadata.offsets)} offsets",
        "Alpha": f"{metadata.alpha:g}",
        "Alpha chosen on": training.get("alpha_chosen_on"),
        "Loss": training.get("loss_kind"),
        "Normalisation": metadata.normalisation,
        "Cell diameter": f"{metadata.usual_diameter:g} px",
        "Patches": training.get("patches"),
        "Updates of every split": training.get("iterations"),
        "Steps": training.get("steps"),
        "Patches per step": training.get("batch"),
        "Minutes": training.get("minutes"),
        "Seed": training.get("seed"),
        "Agreement": training.get("agreement"),
    }
    return (_AFFNET_CARD if labelled else _CARD).format(
        name=metadata.name,
        diameter=metadata.usual_diameter,
        rows=table_rows(facts),
        agreement_on=training.get("agreement_on", "unknown patches"),
    )
