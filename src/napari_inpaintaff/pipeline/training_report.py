"""The report of a training: how good the inpainter is, and what it predicts."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from napari_inpaintaff.images import atomic_path, check_writable
from napari_inpaintaff.inpainting.metadata import InpainterMetadata
from napari_inpaintaff.inpainting.quality import NearHoleError, Verdict
from napari_inpaintaff.inpainting.updates import InpaintingExamples, TrainingPoint
from napari_inpaintaff.pipeline.training_picture import Table, draw_training, gaussian_level

REPORT_SUFFIXES = (".png", ".html")

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{name}: training report</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 1200px; margin: 2em auto; padding: 0 1em;
       color: #1a1a1a; background: white; }}
.verdict {{ font-size: 1.35em; font-weight: bold; color: {colour}; }}
img {{ width: 100%; height: auto; }}
table {{ border-collapse: collapse; margin: 1em 0; }}
th, td {{ text-align: left; padding: 0.2em 1.4em 0.2em 0; border-bottom: 1px solid #dddddd; }}
th {{ font-weight: normal; color: #595959; }}
</style>
</head>
<body>
<h1>Training of {name}</h1>
<p class="verdict">{verdict}</p>
<img alt="Error over time, and example inpaintings" src="data:image/png;base64,{picture}">
{errors}
<p>The error is that of hidden pixels at most 8 px away from known ones, in images that were held
out where there are enough. It is measured in normalised intensities: a typical cell is about 2
above the background. The negative log-likelihood (nats per pixel) also counts how sure the
network is. A constant is the median of the image; the Gaussian filter is the weighted mean of the
known pixels nearby. An inpainter separates cells if it predicts much better than both.</p>
{facts}
</body>
</html>
"""


def write_training_report(
    path: str | Path,
    *,
    metadata: InpainterMetadata,
    history: Sequence[TrainingPoint],
    examples: InpaintingExamples | None,
    verdict: Verdict,
) -> Path:
    """Write how good a trained inpainter is: curves, example inpaintings and figures.

    Parameters
    ----------
    path : str or Path
        File to write, replaced only when the report is complete: ``.png`` for one picture,
        ``.html`` for a page that needs no other file.
    metadata : InpainterMetadata
        Of the inpainter, with the record of its training.
    history : sequence of TrainingPoint
        All measurements, the newest last; may be empty. The figures are those of the record.
    examples : InpaintingExamples or None
        The first six are shown.
    verdict : Verdict
        Of the inpainter (see `inpainting.quality.judge`).

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    OutputError
        If the name has another ending or the file cannot be written.
    """
    path = Path(path)
    check_writable(path, suffixes=REPORT_SUFFIXES)
    errors, facts = _errors(NearHoleError.from_record(metadata.training)), _facts(metadata)
    loss = str(metadata.training.get("loss", "laplace"))
    if path.suffix.lower() == ".png":
        content = draw_training(
            history,
            examples,
            verdict,
            loss=loss,
            tables={"Error at hidden pixels": errors, metadata.name: facts},
        )
    else:
        picture = draw_training(history, examples, None, loss=loss)
        content = _page(metadata, verdict, picture, errors, facts).encode()
    with atomic_path(path) as unfinished:
        unfinished.write_bytes(content)
    return path


def _errors(quality: NearHoleError) -> Table:
    """Return the error of the inpainter and of both baselines, with a head."""
    if math.isnan(quality.l1):
        return []
    rows = (
        ("this inpainter", quality.ratio, quality.l1, quality.nll),
        ("Gaussian filter", gaussian_level(quality), quality.gaussian_l1, quality.gaussian_nll),
        ("constant", 1.0, quality.prior_l1, quality.prior_nll),
    )
    table: Table = [("", "relative", "absolute", "nats")]
    return table + [
        (name, f"{_number(100 * ratio, '.0f')} %", _number(l1, ".3f"), _number(nll, ".2f"))
        for name, ratio, l1, nll in rows
    ]


def _number(value: float | None, form: str) -> str:
    return "–" if value is None or not math.isfinite(value) else format(value, form)


def _facts(metadata: InpainterMetadata) -> Table:
    """Return what is recorded about a training."""
    training, architecture = metadata.training, metadata.architecture
    skipped = training.get("skipped")
    facts: dict[str, Any] = {
        "images": training.get("images"),
        "left out": f"{skipped} unusable images" if skipped else None,
        "data": training.get("data"),
        "licence": training.get("licence"),
        "measured on": training.get("near_hole_images"),
        "started from": training.get("started_from"),
        "steps": training.get("steps"),
        "minutes": training.get("minutes"),
        "ended": "stopped before its time" if training.get("stopped") else None,
        "loss": training.get("loss"),
        "network": f"{architecture.kind} U-Net, {'-'.join(map(str, architecture.widths))}",
        "denoiser": "blind-spot network" if metadata.denoiser else None,
        "normalisation": metadata.normalisation,
        "cell diameter": f"{metadata.usual_diameter:g} px",
        "seed": training.get("seed"),
    }
    return [(name, str(value)) for name, value in facts.items() if value is not None]


def _page(
    metadata: InpainterMetadata, verdict: Verdict, picture: bytes, errors: Table, facts: Table
) -> str:
    return _PAGE.format(
        name=escape(metadata.name),
        verdict=escape(verdict.text),
        colour="#2e7d32" if verdict.ready else "#b3541e",
        picture=base64.b64encode(picture).decode(),
        errors=_table(errors, head=True),
        facts=_table(facts),
    )


def _table(rows: Table, *, head: bool = False) -> str:
    if not rows:
        return ""
    lines = []
    for number, row in enumerate(rows):
        name, *values = (escape(cell) for cell in row)
        tag = "th" if head and number == 0 else "td"
        cells = "".join(f"<{tag}>{value}</{tag}>" for value in values)
        lines.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    return "\n".join(["<table>", *lines, "</table>"])
