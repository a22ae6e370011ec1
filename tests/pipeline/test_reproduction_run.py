"""The papers' experiments from end to end, on a small simulated copy of the challenge's data."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from multiprocessing import active_children
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest
import tifffile
from small_challenge import HELA, PSC, small, tiny_inpainter, write_frame, write_hela

from napari_inpaintaff.errors import ImageError, ModelFileError, OutputError, ParameterError
from napari_inpaintaff.evaluation import close_gaps, evaluate
from napari_inpaintaff.partition import foreground_components
from napari_inpaintaff.pipeline.reproduction import Reproduction, Results, iterate_reproduction
from napari_inpaintaff.pipeline.reproduction.frame_tasks import MasksTask
from napari_inpaintaff.pipeline.reproduction.layout import Frame
from napari_inpaintaff.pipeline.reproduction.model_tasks import LabelledTask
from napari_inpaintaff.pipeline.reproduction.subsets import LabelledPart, TrainingSet
from napari_inpaintaff.pipeline.tasks import read_record


@dataclass(frozen=True)
class Finished:
    """A run that was never interrupted."""

    root: Path
    model: Path
    folder: Path
    results: Results


def reproduce(
    root: Path, folder: Path, settings: Reproduction, *, updates: int | None = None
) -> Results | None:
    """Run to the end, or for so many updates."""
    run = iterate_reproduction(root, folder, settings)
    while updates is None or updates > 0:
        try:
            next(run)
        except StopIteration as end:
            return end.value
        updates = None if updates is None else updates - 1
    run.close()
    return None


def tables(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.glob("*.csv"))}


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    root = tmp_path_factory.mktemp("ctc")
    write_hela(root)
    model = tiny_inpainter(root / "tiny.safetensors")
    folder = root / "results"
    results = reproduce(root, folder, small(model))
    assert results is not None
    return Finished(root, model, folder, results)


def test_everything_is_written(finished: Finished) -> None:
    assert finished.results.failed == ()
    assert finished.results.kept == 0
    names = {path.relative_to(finished.folder).as_posix() for path in finished.results.files}
    assert names == {
        "results.md",
        *(f"{name}.csv" for name in ("table1", "figure4", "figure5", "clustering", "appendix")),
        *(f"figures/{name}.png" for name in ("figure4", "figure5", "figure3-HELA", "figure6-HELA")),
    }
    text = (finished.folder / "results.md").read_text()
    for path in finished.results.files[1:]:
        assert path.stat().st_size > 0
        assert path.suffix == ".csv" or f"(figures/{path.name})" in text


def test_what_is_missing_is_named(finished: Finished) -> None:
    text = (finished.folder / "results.md").read_text()
    assert "02/t036.tif, 02_GT/SEG/man_seg036.tif" in text
    assert "02/t023.tif" not in text


def test_table_1_holds_the_papers_values_beside_ours(finished: Finished) -> None:
    table = {row["method"]: row for row in rows(finished.folder, "table1")}
    printed = {name: float(row["paper"]) for name, row in table.items() if row["paper"]}
    assert printed["components + TRUEFG"] == 0.785
    assert printed["InpaintAff + TRUEFG"] == 0.858
    assert printed["InpaintAff + FGNet50"] == 0.766
    challenge = [name for name in table if "challenge" in name]
    assert [printed[name] for name in challenge] == [0.919, 0.903, 0.902]
    assert not any(table[name]["SEG"] for name in challenge)


def test_the_score_of_a_table_is_that_of_evaluate(finished: Finished) -> None:
    pairs = []
    for number in (23, 35):
        path = finished.root / HELA / "02_GT" / "SEG" / f"man_seg{number:03d}.tif"
        truth = tifffile.imread(path)
        pairs.append((foreground_components(close_gaps(truth)), truth))
    expected = evaluate(pairs)
    (row,) = (r for r in rows(finished.folder, "table1") if r["method"] == "components + TRUEFG")
    assert float(row["SEG"]) == expected.seg
    of_frames = [evaluate([pair]).seg for pair in pairs]
    assert float(row["mean of frames"]) == pytest.approx(np.mean(of_frames))
    (row,) = (
        r
        for r in rows(finished.folder, "clustering")
        if (r["foreground"], r["partition"]) == ("TRUEFG", "foreground components")
    )
    assert float(row["VI (bits)"]) == expected.variation_of_information
    # The truth is partial: precision would mean nothing.
    assert (row["F1"], row["AP at 0.5"]) == ("", "")


def test_tables_hold_what_was_asked_for(finished: Finished) -> None:
    of_figure4 = [(r["method"], r["labelled cells"]) for r in rows(finished.folder, "figure4")]
    counts = {count for _, count in of_figure4}
    assert len(counts) == 2
    assert sorted(of_figure4) == sorted(
        (f"FGNet + {name}", count) for name in ("AffNet", "InpaintAff") for count in counts
    )
    found = rows(finished.folder, "figure5")
    assert [row["method"] for row in found] == ["FGNet + InpaintAff", "FGNet + AffNet"]
    for row in found:
        accuracy = [float(row[f"{level:g}"]) for level in np.arange(50, 100, 5) / 100]
        assert accuracy == sorted(accuracy, reverse=True)
    methods = [
        r["partition"] for r in rows(finished.folder, "clustering") if r["foreground"] == "FGNet50"
    ]
    assert set(methods) == {
        *("mutex watershed", "outline mutex watershed", "greedy additive", "greedy fixation"),
        *("average linkage", "connected components", "distance watershed"),
        *("foreground components", "region merging"),
    }
    choices = [row["choice"] for row in rows(finished.folder, "appendix")]
    assert len(choices) == len(set(choices)) == 11
    assert choices[0] == "as published"


def test_again_nothing_is_computed_and_the_tables_are_the_same(finished: Finished) -> None:
    before = tables(finished.folder)
    again = reproduce(finished.root, finished.folder, small(finished.model))
    assert again is not None
    assert (again.computed, again.kept) == (0, finished.results.computed)
    assert tables(finished.folder) == before


def test_an_interrupted_run_goes_on(finished: Finished, tmp_path: Path) -> None:
    settings = small(finished.model, parts=("table1",))
    assert reproduce(finished.root, tmp_path, settings, updates=9) is None
    assert not (tmp_path / "results.md").exists()
    done = len(
        [path for path in (tmp_path / "work").rglob("*") if path.suffix in (".json", ".npz")]
    )
    assert done > 0
    results = reproduce(finished.root, tmp_path, settings)
    assert results is not None
    assert results.kept == done
    assert results.computed > 0
    for name, text in tables(tmp_path).items():
        assert text == tables(finished.folder)[name]


def test_damaged_work_is_done_again(finished: Finished, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path, dirs_exist_ok=True)
    before = tables(tmp_path)
    score = next((tmp_path / "work" / "scores").glob("*.json"))
    affinities = next((tmp_path / "work" / "affinities").glob("*.npz"))
    score.write_text('{"run": {')
    affinities.write_bytes(affinities.read_bytes()[:1000])
    results = reproduce(finished.root, tmp_path, small(finished.model))
    assert results is not None
    assert results.computed == 2
    assert tables(tmp_path) == before


def test_other_settings_compute_what_is_different(finished: Finished, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path, dirs_exist_ok=True)
    models = set((tmp_path / "work" / "models").iterdir())
    more = reproduce(finished.root, tmp_path, small(finished.model, parts=("table1",), seeds=2))
    assert more is not None
    # A network, its masks and two scores; affinities where its foreground is larger.
    assert 4 <= more.computed <= 7
    (model,) = {path.stem for path in set((tmp_path / "work" / "models").iterdir()) - models}
    assert "fgnet" in model
    plain, both = (row for row in rows(tmp_path, "table1") if row["trainings"])
    assert (plain["method"], plain["trainings"]) == ("InpaintAff + FGNet50", "2")
    assert (both["method"], both["trainings"]) == ("InpaintAff and outline + FGNet50", "2")
    assert float(plain["±"]) >= 0


def test_several_processes_give_the_same_tables(finished: Finished, tmp_path: Path) -> None:
    settings = small(finished.model, parts=("table1",), workers=2)
    run = iterate_reproduction(finished.root, tmp_path, settings)
    while len(active_children()) < 2:
        next(run)
    run.close()
    # Asked again and again: while the pool's own thread reaps a process, its end is not known here.
    end = monotonic() + 20
    while active_children() and monotonic() < end:
        sleep(0.05)
    assert active_children() == []
    reproduce(finished.root, tmp_path, settings)
    assert tables(tmp_path)["table1.csv"] == tables(finished.folder)["table1.csv"]


def test_an_inpainter_is_trained_and_a_student_distilled(tmp_path: Path) -> None:
    root, folder = tmp_path / "ctc", tmp_path / "results"
    write_frame(root, PSC, "02", 182)
    write_frame(root, PSC, "01", 98)
    settings = Reproduction(
        **{
            **vars(small(tmp_path)),
            "parts": ("table1",),
            "engine": "both",
            "levels": (None,),
        }
    )
    results = reproduce(root, folder, settings)
    assert results is not None
    assert results.failed == ()
    table = {row["method"]: row for row in rows(folder, "table1")}
    assert {"InpaintAff + TRUEFG", "InpaintAff (student) + TRUEFG"} <= set(table)
    assert table["InpaintAff + TRUEFG"]["paper"] == "0.914"
    # Without a validation frame the usual alpha is taken, and that is said.
    assert not table["InpaintAff + TRUEFG"]["chosen"]
    assert "alpha was not chosen" in (folder / "results.md").read_text()
    assert len(list((folder / "work" / "models").glob("*inpainter*.safetensors"))) == 1


def test_without_labels_to_train_on_the_rest_is_measured(
    finished: Finished, tmp_path: Path
) -> None:
    write_frame(tmp_path, HELA, "02", 23, partial=True)
    results = reproduce(tmp_path, tmp_path / "out", small(finished.model, parts=("table1",)))
    assert results is not None
    methods = [row["method"] for row in rows(tmp_path / "out", "table1")]
    assert methods[:2] == ["components + TRUEFG", "InpaintAff + TRUEFG"]
    assert not any("FGNet" in name for name in methods)
    assert "there is no frame to train on" in (tmp_path / "out" / "results.md").read_text()


def test_too_few_labels_are_told_and_stop_nothing(finished: Finished, tmp_path: Path) -> None:
    root = finished.root / HELA
    frame = Frame("01/t013", root / "01/t013.tif", root / "01_GT/SEG/man_seg013.tif", "gold")
    truth = frame.read()[1]
    top, left = np.argwhere(truth == 0)[0]
    data = TrainingSet(
        (LabelledPart(frame, (int(top), int(top) + 1, int(left), int(left) + 1)),), 1, 1
    )
    settings = small(finished.model)
    task = LabelledTask(
        "fgnet",
        data,
        tmp_path / "models" / "few.json",
        finished.model,
        25.0,
        "fluorescence",
        fgnet_training(settings),
        "cpu",
    )
    task.run()
    record = read_record(task.output)
    assert record is not None
    assert "no foreground" in record["failed"]
    assert task.is_done()
    masks = MasksTask(task.output, (frame,), tmp_path / "masks.npz", 25.0, "cpu")
    assert masks.is_done()
    assert not masks.output.exists()


def fgnet_training(settings: Reproduction):
    from napari_inpaintaff.foreground import FGNetTraining

    return FGNetTraining(steps=settings.steps)


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"inpainters": {HELA: "no-such-model"}}, ModelFileError, "no-such-model"),
        ({"data_sets": (PSC,)}, ImageError, PSC),
        ({"split": "mine"}, ParameterError, "mine"),
    ],
)
def test_trouble_is_found_before_the_work(
    finished: Finished,
    tmp_path: Path,
    change: dict[str, object],
    error: type[Exception],
    reason: str,
) -> None:
    with pytest.raises(error, match=reason):
        reproduce(finished.root, tmp_path / "out", small(finished.model, **change))
    assert not list((tmp_path / "out").rglob("*.*"))


def test_the_output_is_no_file(finished: Finished, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        reproduce(finished.root, tmp_path / "file", small(finished.model))


@pytest.mark.parametrize(
    "change",
    [
        {"parts": ()},
        {"parts": ("table2",)},
        {"engine": "gpu"},
        {"config": "large"},
        {"seeds": 0},
        {"workers": 0},
        {"crop": 0},
        {"levels": ()},
        {"steps": None},
        {"minutes": 1.0},
        {"minutes": -1.0, "steps": None},
    ],
)
def test_settings_that_cannot_work(change: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ParameterError):
        small(tmp_path, **change)
