"""inpaintaff reproduce: the choices, bad input, and a short run on a small copy of the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_inpaintaff.cli import reproduction
from napari_inpaintaff.cli.app import build_parser
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.pipeline.reproduction import DATA_SETS, LEVELS, Reproduction
from napari_inpaintaff.pipeline.reproduction.settings import CONFIGS, ENGINES, PARTS
from napari_inpaintaff.pipeline.reproduction.splits import SPLITS
from napari_inpaintaff.separation import SEPARATION_MODES

HELA = "Fluo-N2DL-HeLa"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """HeLa with a frame to train and one to test on."""
    folder = tmp_path / "ctc" / HELA
    for sequence, number in (("01", 52), ("02", 23)):
        image, truth = simulate_dense_nuclei(shape=(64, 80), seed=number)
        for part, name, array in (
            (sequence, f"t{number:03d}.tif", image),
            (f"{sequence}_GT/SEG", f"man_seg{number:03d}.tif", truth),
        ):
            (folder / part).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / part / name, array)
    return folder.parent


def settings(*arguments: object) -> Reproduction:
    words = ["reproduce", "ctc", "-o", "out", *map(str, arguments)]
    return reproduction._settings(build_parser().parse_args(words))


def test_names_are_those_of_the_core() -> None:
    assert reproduction.SPLITS == SPLITS
    assert reproduction.DATA_SETS == DATA_SETS
    assert reproduction.PARTS == PARTS
    assert reproduction.ENGINES == ENGINES
    assert reproduction.CONFIGS == CONFIGS


def test_the_defaults_are_the_papers_experiments() -> None:
    chosen = settings("--device", "cpu", "--workers", 1)
    assert chosen == Reproduction(device="cpu")
    assert chosen.levels == LEVELS == (1, 3, 6, 12, 24, 50, 100, None)
    assert chosen.seeds == 3


def test_options_reach_the_settings_in_a_quick_run_too() -> None:
    chosen = settings(
        *(
            "--quick",
            "--minutes",
            3,
            "--seeds",
            2,
            "--mode",
            "paper",
            "--only",
            "figure5",
            "table1",
        ),
        *("--engine", "both", "--config", "paper", "--inpainter-minutes", 4, "--workers", 2),
        *("--datasets", HELA, "--model", f"{HELA}=nuclei-small", "--split", "development"),
    )
    assert (chosen.minutes, chosen.seeds, chosen.inpainter_minutes) == (3, 2, 4)
    assert chosen.separation == SEPARATION_MODES["paper"]
    assert chosen.parts == ("table1", "figure5")
    assert (chosen.engine, chosen.config, chosen.workers) == ("both", "paper", 2)
    assert (chosen.split, chosen.data_sets) == ("development", (HELA,))
    assert chosen.inpainters == {HELA: "nuclei-small"}
    assert chosen.crop is not None
    in_steps = settings("--quick", "--steps", 40, "--workers", 1)
    assert (in_steps.steps, in_steps.minutes) == (40, None)
    first_look = settings("--quick", "--workers", 1)
    assert first_look.separation == SEPARATION_MODES["draft"]
    assert first_look.minutes is not None
    assert first_look.minutes < 1
    assert first_look.seeds == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--split", "mine"), "--split"),
        (("--only", "table2"), "--only"),
        (("--datasets", "HeLa"), "--datasets"),
        (("--datasets", "PhC-C2DL-PSC"), "PhC-C2DL-PSC"),
        (("--datasets", "BBBC039"), "BBBC039"),
        (("--model", "nuclei-small"), f"{HELA}=nuclei-small"),
        (("--model", f"{HELA}="), "--model"),
        (("--model", f"{HELA}=no-such-model"), "no-such-model"),
        (("--seeds", "0"), "seeds"),
        (("--seeds", "many"), "--seeds"),
        (("--minutes", "0"), "minutes"),
        (("--steps", "0"), "steps"),
        (("--minutes", "1", "--steps", "1"), "not allowed"),
        (("--inpainter-minutes", "-1"), "inpainter_minutes"),
        (("--workers", "0"), "workers"),
        (("--engine", "magic"), "--engine"),
        (("--mode", "slow"), "--mode"),
    ],
)
def test_bad_option_is_one_line(run, root, tmp_path, options, reason) -> None:
    outcome = run("reproduce", root, "-o", tmp_path / "out", *options)
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
    assert reason in outcome.err
    assert "internal error" not in outcome.err
    assert not (tmp_path / "out").exists()


def test_folders_that_hold_nothing(run, root, tmp_path) -> None:
    for folder, reason in ((tmp_path / "nowhere", "no folder"), (tmp_path, HELA)):
        outcome = run("reproduce", folder, "-o", tmp_path / "out")
        assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1), outcome.err
        assert reason in outcome.err
    truth = root / HELA / "02_GT" / "SEG" / "man_seg023.tif"
    tifffile.imwrite(truth, np.full((64, 80), 0.5, np.float32))
    outcome = run("reproduce", root, "-o", tmp_path / "out", "--only", "table1", "--quick")
    assert (outcome.code, len(outcome.lines)) == (2, 1), outcome.err
    assert "man_seg023.tif" in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_short_run_and_the_same_again(run, root, model, tmp_path) -> None:
    out = tmp_path / "out"
    command = (
        *("reproduce", root, "-o", out, "--quick", "--only", "table1", "--minutes", 0.002),
        *("--model", f"{HELA}={model}", "--workers", 1, "--device", "cpu"),
    )
    outcome = run(*command)
    assert outcome.code == 0, outcome.err
    files = outcome.out.split()
    assert files[0] == str(out / "results.md")
    assert str(out / "table1.csv") in files
    assert all(Path(file).is_file() for file in files)
    assert outcome.complaints[-1].endswith("units of work done")
    table = (out / "table1.csv").read_text()
    assert "InpaintAff + FGNet50" in table
    again = run(*command)
    assert again.code == 0
    assert again.out == outcome.out
    assert "0 units of work done" in again.complaints[-1]
    assert (out / "table1.csv").read_text() == table
