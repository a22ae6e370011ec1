"""The results as files: Markdown with all tables and figures, CSV, PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_inpaintaff.images import atomic_path
from napari_inpaintaff.pipeline.reproduction.experiments import Plan
from napari_inpaintaff.pipeline.reproduction.figures import (
    draw_figure3,
    draw_figure4,
    draw_figure5,
    draw_figure6,
    run_of,
)
from napari_inpaintaff.pipeline.reproduction.published import FGNET50_INSTANCES
from napari_inpaintaff.pipeline.reproduction.scoring import read_scores
from napari_inpaintaff.pipeline.reproduction.settings import Reproduction
from napari_inpaintaff.pipeline.reproduction.splits import SHORT_NAMES, DataFrames
from napari_inpaintaff.pipeline.reproduction.tables import (
    Scores,
    Table,
    appendix,
    clustering,
    figure4,
    figure5,
    statement,
    table1,
)
from napari_inpaintaff.pipeline.tasks import make_folder, read_record

_TABLES = {
    "table1": table1,
    "figure4": figure4,
    "figure5": figure5,
    "clustering": clustering,
    "appendix": appendix,
}
_HEADS = {
    "table1": "SEG is pooled over all annotated cells of the test frames, as the challenge does; "
    "*mean of frames* gives every frame the same weight. ± is the standard deviation over "
    "trainings with other seeds. Alpha was chosen on the validation frames, for every row by "
    "itself. Rows marked *challenge* are the official scores that the paper prints beside its own: "
    "supervised methods, trained on more labels and tested on the challenge's secret videos.",
    "figure4": "SEG over the number of labelled cells, smaller training sets made as in appendix "
    "B. A cell counts if at least half of it lies in the labelled part. AffNet is trained as long "
    "as FGNet and on the same labels, its foreground is that FGNet's, and its alpha is its own. "
    "The paper gives this figure as curves only: none of its values stand here.",
    "figure5": "Part of the annotated cells that is found above an IoU: InpaintAff with FGNet50, "
    "and AffNet with all labels. The paper gives this figure as curves only.",
    "clustering": "What partition methods make of the same foreground and, but for the outline "
    "methods, of the same affinities; each with its own alpha or sigma. *way to 1* is the part of "
    "the way from the components of the foreground to a SEG of 1. *split* and *merged* count "
    "annotated cells.",
    "appendix": "Every row changes one choice of the paper's appendix A, and has its own alpha. "
    "With the true foreground, on {appendix_frames} test frames and the first validation frame.",
}
#: Where the papers print them.
_FIGURES = {"figure4": "figure4.png", "figure5": "figure5.png"}


def write_results(
    folder: Path, plans: Sequence[Plan], found: Sequence[DataFrames], settings: Reproduction
) -> list[Path]:
    """Write the results of a run.

    Parameters
    ----------
    folder : Path
        To write to.
    plans : sequence of Plan
        What was run; the records are read from disk.
    found : sequence of DataFrames
        What was looked for, with what is missing.
    settings : Reproduction
        How it was run.

    Returns
    -------
    list of Path
        ``results.md`` first.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    make_folder(folder / "figures")
    scores = read_scores([task.output for plan in plans for task in plan.scores])
    tables = [_TABLES[part](scores) for part in settings.parts]
    files = []
    for table in tables:
        if table.rows:
            files.append(_write(folder / f"{table.name}.csv", table.csv()))
    pictures = _draw(folder / "figures", plans, scores, settings)
    text = _markdown(tables, pictures, plans, found, settings, scores)
    return [_write(folder / "results.md", text), *files, *pictures.values()]


def _draw(
    folder: Path, plans: Sequence[Plan], scores: Scores, settings: Reproduction
) -> dict[str, Path]:
    """Draw all figures; return those that there are, by name."""
    drawn: dict[str, Path] = {}
    for part, draw in (("figure4", draw_figure4), ("figure5", draw_figure5)):
        path = folder / _FIGURES[part]
        if part in settings.parts and draw(path, scores):
            drawn[part] = path
    for plan in plans:
        short = SHORT_NAMES[plan.frames.name]
        wanted = {
            "separation": settings.engines[0],
            "method": "mutex_watershed",
            "variant": "",
        }
        for name, draw_panels, run in (
            ("figure3", draw_figure3, run_of(plan.scores, foreground="true", **wanted)),
            ("figure6", draw_figure6, run_of(plan.scores, fifty=True, **wanted)),
        ):
            record = None if run is None else read_record(run.output)
            if run is not None and record is not None and not record.get("failed"):
                path = folder / f"{name}-{short}.png"
                draw_panels(path, run, record)
                drawn[f"{name}-{short}"] = path
    return drawn


def _markdown(
    tables: Sequence[Table],
    pictures: dict[str, Path],
    plans: Sequence[Plan],
    found: Sequence[DataFrames],
    settings: Reproduction,
    scores: Scores,
) -> str:
    blocks = [
        "# The papers' experiments, on this implementation",
        "Wolf, Hamprecht and Funke, *Instance Separation Emerges from Inpainting* (arXiv 2020; "
        "BMVC 2020). Values in columns named *paper* are those that the papers print.",
        "## What was run",
        *_conditions(plans, settings),
        "## What differs from the paper",
        *_differences(found),
    ]
    for table in tables:
        if not table.rows:
            continue
        head = _HEADS[table.name].format(appendix_frames=settings.appendix_frames)
        blocks += [f"## {table.title}", head]
        if table.name in pictures:
            blocks.append(_picture(table.title, pictures[table.name]))
        blocks.append(table.markdown())
        if table.name == "figure4":
            blocks += [f"- {sentence}" for sentence in statement(scores)]
    panels = {name: path for name, path in pictures.items() if "-" in name}
    if panels:
        blocks += [
            "## Panels",
            "Like Figure 3 where most cells touch, with the true foreground; like Figure 6 the "
            "best and the worst test frame with FGNet50. Blue: objects part in x, red: in y, "
            "grey: not computed.",
            *(_picture(name, path) for name, path in panels.items()),
        ]
    failed = failures(plans)
    if failed:
        blocks += ["## What could not be done", "\n".join(f"- {one}" for one in failed)]
    return "\n\n".join(blocks) + "\n"


def _picture(title: str, path: Path) -> str:
    return f"![{title}](figures/{path.name})"


def _conditions(plans: Sequence[Plan], settings: Reproduction) -> list[str]:
    separation = settings.separation
    length = f"{settings.minutes:g} minutes" if settings.minutes else f"{settings.steps} steps"
    looked_at = "whole frames"
    if settings.crop is not None:
        looked_at = f"{settings.crop} x {settings.crop} pixels of every frame, where most cells "
        looked_at += "touch: a first look, whose numbers mean little"
    lines = [
        f"- Split *{settings.split}*, {looked_at}; {settings.seeds} training(s) of each network.",
        f"- InpaintAff by {' and '.join(settings.engines)}: patch {separation.patch}, stride "
        f"{separation.stride}, {separation.iterations} updates, d = {separation.distance}.",
        f"- FGNet and AffNet: the `{settings.config}` networks, {length} each"
        + (", both started from the inpainter's features." if settings.config == "small" else "."),
    ]
    for plan in plans:
        frames, short = plan.frames, SHORT_NAMES[plan.frames.name]
        kinds = " and ".join(sorted({frame.truth_kind for frame in frames.test}))
        partial = "" if all(frame.complete for frame in frames.test) else ", some cells only"
        text = (
            f"- {short} ({frames.name}): {len(frames.train)} frame(s) to train on, "
            f"{len(frames.validate)} to validate and {len(frames.test)} to test; {kinds} "
            f"truth{partial}; cells of {frames.split.diameter:g} px."
        )
        if plan.fifty is not None:
            text += f" FGNet50 learned from {plan.fifty.instances} cells"
            paper = FGNET50_INSTANCES.get(short)
            text += f" (the paper's from {paper})." if paper else "."
        lines.append(text)
    return ["\n".join(lines)]


def _differences(found: Sequence[DataFrames]) -> list[str]:
    lines = [
        "- Images are resampled so that cells are 25 px across, for all networks and for the "
        "separation; the paper says nothing of the kind.",
        "- The inpainter, the splits and all networks are those of this package, not the paper's "
        "code; the affinities of AffNet are partitioned on the foreground of the FGNet with the "
        "same labels, about which the paper is silent.",
    ]
    for frames in found:
        short = SHORT_NAMES[frames.name]
        lines += [f"- {short}: {note}" for note in frames.split.notes]
        for role, files in frames.missing.items():
            if files:
                lines.append(
                    f"- {short}: not there, and left out of what to {role}: {', '.join(files)}."
                )
        for role, consequence in (
            ("train", "nothing that learns from labels is measured"),
            ("validate", "alpha was not chosen, the usual values are taken"),
            ("test", "the data set is left out"),
        ):
            if not getattr(frames, role):
                lines.append(f"- {short}: there is no frame to {role} on: {consequence}.")
    return ["\n".join(lines)]


def failures(plans: Sequence[Plan]) -> list[str]:
    """Return what could not be done, and why, as sentences."""
    sentences = []
    for plan in plans:
        tasks = [(task.title, task.output) for task in plan.trainings]
        tasks += [(task.title, task.output) for task in plan.scores]
        for title, output in tasks:
            reason = (read_record(output) or {}).get("failed")
            if reason:
                sentences.append(f"{plan.frames.name}, {title}: {reason}")
    return list(dict.fromkeys(sentences))


def _write(path: Path, text: str) -> Path:
    with atomic_path(path) as unfinished:
        unfinished.write_text(text, encoding="utf8")
    return path
