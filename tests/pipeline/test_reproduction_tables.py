"""Tables of the papers' experiments: seeds together, the paper's values, honest sentences."""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from napari_inpaintaff.pipeline.reproduction.scoring import Run, read_scores
from napari_inpaintaff.pipeline.reproduction.tables import (
    Table,
    appendix,
    clustering,
    figure4,
    figure5,
    statement,
    table1,
)
from napari_inpaintaff.pipeline.reproduction.variants import variants
from napari_inpaintaff.pipeline.tasks import fingerprint, read_record, write_record
from napari_inpaintaff.separation import SeparationParameters

HELA, PSC = "Fluo-N2DL-HeLa", "PhC-C2DL-PSC"


def score(
    seg: float, separation: str = "igm", foreground: str = "fgnet", **values: Any
) -> tuple[Run, dict[str, Any]]:
    """A run and what it scored."""
    run = Run(values.pop("data_set", HELA), separation, foreground, **values)  # type: ignore[arg-type]
    record = {
        "seg": seg,
        "parameter": "alpha",
        "value": 1.5 if run.seed == 0 else 1.25,
        "validation": 0.5,
        "frames": {"a": seg - 0.1, "b": seg + 0.1},
        "detection_accuracy": [seg - 0.05 * k for k in range(10)],
        "split": 1,
        "merged": 2,
        "variation_of_information": 0.25,
    }
    return run, record


def cells(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.csv())))


def test_seeds_become_a_mean_and_a_spread() -> None:
    scores = [
        score(seg, instances=49, fifty=True, seed=seed)
        for seed, seg in enumerate((0.80, 0.82, 0.87))
    ]
    (row,) = [row for row in cells(table1(scores)) if row["SEG"]]
    assert row["method"] == "InpaintAff + FGNet50"
    assert float(row["SEG"]) == pytest.approx(0.83)
    assert float(row["±"]) == pytest.approx(0.036056, abs=1e-6)
    assert (row["trainings"], row["labelled cells"]) == ("3", "49")
    assert row["chosen"] == "alpha 1.25, 1.5"
    assert row["paper"] == "0.766"


def test_a_single_training_has_no_spread_and_empty_columns_are_not_shown() -> None:
    table = table1([score(0.9, foreground="true", data_set="BBBC039")])
    (row,) = cells(table)
    assert (row["±"], row["trainings"], row["paper"]) == ("", "", "")
    head = table.markdown().splitlines()[0]
    assert "SEG" in head
    assert "paper" not in head
    assert "0.900" in table.markdown()


def test_figure_4_takes_no_other_runs() -> None:
    scores = [
        score(0.7, instances=24, level=24),
        score(0.6, "affnet", instances=24, level=24),
        score(0.8, instances=50, fifty=True),
        score(0.9, foreground="true"),
        score(0.1, instances=24, level=24, method="greedy_additive"),
    ]
    found = [(row["method"], row["SEG"]) for row in cells(figure4(scores))]
    assert found == [("FGNet + AffNet", "0.6"), ("FGNet + InpaintAff", "0.7")]


def test_figure_5_compares_fifty_cells_with_all_of_affnet() -> None:
    scores = [
        score(0.8, instances=50, fifty=True),
        score(0.5, "affnet", instances=24),
        score(0.6, "affnet", instances=230),
    ]
    first, second = cells(figure5(scores))
    assert (first["method"], first["labelled cells"], first["0.5"]) == (
        "FGNet + InpaintAff",
        "50",
        "0.8",
    )
    assert (second["method"], second["labelled cells"], second["0.5"]) == (
        "FGNet + AffNet",
        "230",
        "0.6",
    )
    assert float(second["0.95"]) == pytest.approx(0.15)


def test_the_way_from_components_to_one() -> None:
    scores = [
        score(0.80, "outline", "true", method="foreground_components"),
        score(0.95, "igm", "true"),
        score(0.70, "outline", "true", method="distance_watershed"),
    ]
    ways = {row["partition"]: row["way to 1"] for row in cells(clustering(scores))}
    assert ways["foreground components"] == ""
    assert float(ways["mutex watershed"]) == pytest.approx(0.75)
    assert float(ways["distance watershed"]) == pytest.approx(-0.5)


def test_choices_of_the_appendix_are_compared_with_the_published_ones() -> None:
    scores = [
        score(0.9, foreground="true", variant="as published"),
        score(0.85, foreground="true", variant="d constant"),
        score(0.5, foreground="true"),
    ]
    published, other = cells(appendix(scores))
    assert (published["choice"], published["difference"]) == ("as published", "")
    assert (other["choice"], other["difference"]) == ("d constant", "-0.050")
    assert len(cells(table1(scores))) == 4  # the last one, and the challenge's


@pytest.mark.parametrize(
    ("few", "many", "verdict"),
    [
        ((0.90, 0.91), (0.80, 0.81), "holds"),
        ((0.70, 0.71), (0.80, 0.81), "does not hold"),
        ((0.80, 0.90), (0.79, 0.89), "undecided"),
    ],
)
def test_the_statement_is_tested(
    few: tuple[float, ...], many: tuple[float, ...], verdict: str
) -> None:
    scores = [score(0.3, "igm", instances=6, data_set=PSC)]
    scores += [score(s, "igm", instances=26, seed=k, data_set=PSC) for k, s in enumerate(few)]
    scores += [score(s, "affnet", instances=260, seed=k, data_set=PSC) for k, s in enumerate(many)]
    scores += [score(0.1, "affnet", instances=26, data_set=PSC)]
    (sentence,) = statement(scores)
    assert verdict in sentence
    assert "26 cells" in sentence
    assert "10 times as many" in sentence
    assert statement(scores[:1]) == []


def test_every_variant_changes_one_choice() -> None:
    published = SeparationParameters()
    changed = variants(published)
    assert len(set(changed.values())) == len(changed) == 10
    for name, other in changed.items():
        different = [
            field.name
            for field in fields(published)
            if getattr(other, field.name) != getattr(published, field.name)
        ]
        assert len(different) == 1, name


def test_fingerprints_follow_values_and_the_content_of_files(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(b"one")
    before = fingerprint(1, (2, None), {"a": file})
    assert before == fingerprint(1, [2, None], {"a": file})
    assert before != fingerprint(1, (3, None), {"a": file})
    copy = tmp_path / "copy"
    copy.write_bytes(b"one")
    assert before == fingerprint(1, (2, None), {"a": copy})
    file.write_bytes(b"other")
    assert before != fingerprint(1, (2, None), {"a": file})
    assert fingerprint(SeparationParameters()) != fingerprint(SeparationParameters(stride=10))


def test_records_that_failed_or_are_damaged_are_no_scores(tmp_path: Path) -> None:
    run, record = score(0.5)
    good, bad, cut = (tmp_path / "work" / f"{name}.json" for name in "abc")
    write_record(good, {"run": vars(run), **record})
    write_record(bad, {"run": vars(run), "failed": "too few"})
    cut.write_text('{"run":')
    assert read_record(cut) is None
    ((found, values),) = read_scores([good, bad, cut, tmp_path / "none.json"])
    assert found == run
    assert values["seg"] == 0.5
