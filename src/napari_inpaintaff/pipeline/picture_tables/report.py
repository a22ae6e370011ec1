"""The tables as text: published values beside those measured here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from napari_inpaintaff.evaluation import MaskScores
from napari_inpaintaff.images.files import atomic_path
from napari_inpaintaff.pipeline.picture_tables.measuring import (
    ABLATIONS,
    SCENES,
    MeasuredSet,
    TableSettings,
)
from napari_inpaintaff.pipeline.picture_tables.picture_sets import CUB, FLOWERS
from napari_inpaintaff.pipeline.picture_tables.published import (
    IEM_ABLATIONS,
    IEM_TABLES,
    PERTURBGAN_ABLATIONS,
    PERTURBGAN_REAL,
    REDO_TABLE,
)

_NOTHING = "not measured"
_SCORES = ("accuracy", "iou", "mean_iou", "dice")


def write_picture_tables(
    folder: Path, results: Sequence[MeasuredSet], settings: TableSettings
) -> list[Path]:
    """Write the tables (``foreground.md``) and all numbers (``foreground.json``).

    Parameters
    ----------
    folder : Path
        Must exist.
    results : sequence of MeasuredSet
        What was measured.
    settings : TableSettings
        How.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    text, numbers = folder / "foreground.md", folder / "foreground.json"
    with atomic_path(text) as unfinished:
        unfinished.write_text(picture_tables(results, settings), encoding="utf8")
    values = {"settings": asdict(settings), "results": [asdict(result) for result in results]}
    with atomic_path(numbers) as unfinished:
        unfinished.write_text(json.dumps(values, indent=1, default=str), encoding="utf8")
    return [text, numbers]


def picture_tables(results: Sequence[MeasuredSet], settings: TableSettings) -> str:
    """Return the tables in Markdown; in per cent, published first, then measured here."""
    by_name = {result.name: result for result in results}
    parts = [
        "# Foreground without labels",
        "In per cent: published / measured here. Pictures were resized and cropped to "
        f"{settings.side} x {settings.side} pixels; every picture counts the same.",
    ]
    if SCENES in by_name:
        parts += [f"## Simulated scenes\n\n{_counts(by_name[SCENES])}", _scores(by_name[SCENES])]
    for number, name in enumerate(IEM_TABLES, 1):
        title = f"## IEM, Table {number}: {name}"
        result = by_name.get(name)
        parts += [title if result is None else f"{title}\n\n{_counts(result)}"]
        parts += [_scores(result, name)]
    parts += ["## IEM, Table 4: IoU without its parts", _ablations(by_name)]
    parts += ["## ReDO, Table 1", _redo(), "## PerturbGAN, Table 1: LSUN Car", _perturbgan()]
    parts += ["## PerturbGAN, Table 2: real images of LSUN Car", _perturbgan_real()]
    for result in results:
        parts += [f"{result.name}, {name}: {why}" for name, why in result.missing.items()]
    return "\n\n".join(parts) + "\n"


def _counts(result: MeasuredSet) -> str:
    learned = f", the network learned from {result.learned} others" if result.learned else ""
    return f"{result.tested} pictures{learned}."


def _scores(result: MeasuredSet | None, name: str = "") -> str:
    published = IEM_TABLES.get(name, {})
    measured = {} if result is None else result.scores
    rows: list[tuple[str, ...]] = [("", "accuracy", "IoU", "mIoU", "Dice")]
    for method in dict.fromkeys([*published, *measured]):
        own = measured.get(method)
        values = published.get(method, (None,) * 4)
        cells = [_beside(v, _value(own, key)) for v, key in zip(values, _SCORES, strict=True)]
        rows.append((method, *cells))
    return _table(rows)


def _value(scores: MaskScores | None, key: str) -> float | None:
    return None if scores is None else 100 * float(getattr(scores, key))


def _ablations(by_name: dict[str, MeasuredSet]) -> str:
    names = [CUB, FLOWERS, *(name for name in by_name if name not in (CUB, FLOWERS))]
    rows: list[tuple[str, ...]] = [("", *names)]
    for method in ABLATIONS:
        cells = []
        for name in names:
            own = by_name[name].ablations.get(method) if name in by_name else None
            published = IEM_ABLATIONS[method].get(name)
            cells.append(_beside(published, None if own is None else 100 * own))
        rows.append((method, *cells))
    return _table(rows)


def _redo() -> str:
    rows: list[tuple[str, ...]] = [("", "train accuracy", "train IoU", "test accuracy", "test IoU")]
    rows += [(name, *(_beside(v, None) for v in values)) for name, values in REDO_TABLE.items()]
    return _table(rows)


def _perturbgan() -> str:
    rows: list[tuple[str, ...]] = [
        ("", "mIoU at 64", "full mask at 64", "mIoU at 128", "full mask at 128")
    ]
    for name, values in PERTURBGAN_ABLATIONS.items():
        rows.append((name, *(_beside(value, None) for value in values)))
    return _table(rows)


def _perturbgan_real() -> str:
    rows: list[tuple[str, ...]] = [("", "mIoU where a car was detected", "mIoU of all images")]
    for name, values in PERTURBGAN_REAL.items():
        rows.append((name, *(_beside(value, None) for value in values)))
    return _table(rows)


def _beside(published: float | None, own: float | None) -> str:
    first = "–" if published is None else f"{published:.1f}"
    return f"{first} / {_NOTHING if own is None else f'{own:.1f}'}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"|{' --- |' * len(rows[0])}")
    return "\n".join(lines)
