"""The documentation names every option, and what --help says does exist."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import get_args

import pytest

from napari_inpaintaff.cli import exporting, labelled_training, model_choice, tuning
from napari_inpaintaff.cli.app import build_parser
from napari_inpaintaff.cli.distillation import PATCHES
from napari_inpaintaff.cli.options import DEFAULT_MODE, DEVICES, MODES
from napari_inpaintaff.cli.training import CONFIGURATIONS, LOSSES, NORMALISATIONS
from napari_inpaintaff.inpainting import DEFAULT_INPAINTER
from napari_inpaintaff.partition import DEFAULT_METHOD, PartitionParameters
from napari_inpaintaff.separation import DEFAULT_STUDENT, SEPARATION_MODES, Distillation

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def commands() -> dict[str, argparse.ArgumentParser]:
    (subparsers,) = (
        action for action in build_parser()._actions if isinstance(action.choices, dict)
    )
    return dict(subparsers.choices)


@pytest.mark.parametrize("name", commands())
def test_reference_and_parser_agree(name):
    section = re.split(r"^## ", REFERENCE.read_text(encoding="utf8"), flags=re.MULTILINE)
    (text,) = (part for part in section if part.startswith(f"{name}\n"))
    written = set(re.findall(r"--[a-z][a-z-]*", text.replace("segment --save-affinities", "")))
    existing = {
        option
        for action in commands()[name]._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    assert existing == written


def test_names_in_the_parser_are_those_of_the_core():
    from napari_inpaintaff.foreground import FOREGROUND_METHODS, FOREGROUND_MODELS, FGNetConfig
    from napari_inpaintaff.images import LABEL_FORMATS, NormalisationKind, csv_files
    from napari_inpaintaff.inpainting import LossName
    from napari_inpaintaff.inpainting.metadata import ARCHITECTURES
    from napari_inpaintaff.networks.catalogue import KINDS
    from napari_inpaintaff.networks.devices import DEVICES as known_devices
    from napari_inpaintaff.partition import OUTLINE_METHODS, PARTITION_METHODS
    from napari_inpaintaff.pipeline import tuning_curves, tuning_plot
    from napari_inpaintaff.separation.affnet_parameters import AffNetConfig

    assert tuple(ARCHITECTURES) == CONFIGURATIONS
    assert known_devices == DEVICES
    assert tuple(SEPARATION_MODES) == MODES
    assert get_args(LossName) == LOSSES
    assert get_args(NormalisationKind) == NORMALISATIONS
    assert get_args(NormalisationKind) == labelled_training.NORMALISATIONS
    assert get_args(FGNetConfig) == get_args(AffNetConfig) == labelled_training.CONFIGURATIONS
    assert tuple(tuning_curves.METRICS) == tuning.METRICS
    assert tuple(LABEL_FORMATS) == exporting.FORMATS
    assert csv_files.TABLE_SUFFIXES == tuning.TABLE_SUFFIXES
    assert tuning_plot.PLOT_SUFFIXES == tuning.PLOT_SUFFIXES
    assert set(model_choice.ENGINE_OF) == KINDS - set(FOREGROUND_MODELS)
    text = REFERENCE.read_text(encoding="utf8")
    for name in (*FOREGROUND_METHODS, *PARTITION_METHODS, *OUTLINE_METHODS):
        assert f"`{name}`" in text


def test_defaults_of_distill_are_those_of_the_core():
    assert Distillation().patches == PATCHES
    text = REFERENCE.read_text(encoding="utf8").split("## distill")[1].split("## models")[0]
    for option, default in (
        ("--patches", str(PATCHES)),
        ("--model", f"`{DEFAULT_INPAINTER}`"),
        ("--mode", f"`{DEFAULT_MODE}`"),
    ):
        (row,) = (line for line in text.splitlines() if line.startswith(f"| `{option}`"))
        assert row.split("|")[-2].strip() == default, option


def test_lengths_in_the_reference_are_those_of_the_core():
    from napari_inpaintaff.foreground import FGNetTraining
    from napari_inpaintaff.separation import AffNetTraining

    text = REFERENCE.read_text(encoding="utf8")
    for command, steps in (
        ("train-foreground", FGNetTraining().schedule().steps),
        ("train-affinities", AffNetTraining().schedule(0.0).steps),
    ):
        section = text.split(f"## {command}\n")[1].split("\n## ")[0]
        (row,) = (line for line in section.splitlines() if line.startswith("| `--steps`"))
        assert row.split("|")[-2].strip() == str(steps), command


def test_defaults_in_the_reference_are_those_of_the_core():
    partition = PartitionParameters(DEFAULT_METHOD)
    text = REFERENCE.read_text(encoding="utf8")
    section = text.split("## segment")[1].split("## partition")[0]
    for option, default in (
        ("--alpha", f"{partition.alpha}; of a student in a mutex watershed, its own"),
        ("--partition", f"`{partition.method}`; of an AffNet `mutex_watershed`"),
        ("--minimum-size", partition.minimum_size),
        ("--mode", f"`{DEFAULT_MODE}`"),
        ("--seed", SEPARATION_MODES[DEFAULT_MODE].seed),
        ("--model", f"`{DEFAULT_INPAINTER}`; with `--engine student`, `{DEFAULT_STUDENT}`"),
    ):
        (row,) = (line for line in section.splitlines() if line.startswith(f"| `{option}`"))
        assert row.split("|")[-2].strip() == str(default), option


@pytest.mark.parametrize("mode", MODES)
def test_modes_in_the_reference_are_those_of_the_core(mode):
    (row,) = (
        line
        for line in REFERENCE.read_text(encoding="utf8").splitlines()
        if line.startswith(f"| `{mode}`")
    )
    chosen = SEPARATION_MODES[mode]
    written = [int(cell) for cell in row.split("|")[2:5]]
    assert written == [chosen.patch, chosen.stride, chosen.iterations]
