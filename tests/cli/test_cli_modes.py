"""The modes of `inpaintaff segment`: sets of values, of which each can be changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_inpaintaff.cli.app import build_parser
from napari_inpaintaff.cli.options import separation_parameters
from napari_inpaintaff.images import read_affinities
from napari_inpaintaff.separation import SEPARATION_MODES, SeparationParameters


def parameters(*options):
    command = ["segment", "a.tif", "-o", "b.tif", *map(str, options)]
    return separation_parameters(build_parser().parse_args(command))


def test_without_a_mode_it_is_balanced_the_default_of_the_library():
    assert parameters() == SEPARATION_MODES["balanced"] == SeparationParameters()


@pytest.mark.parametrize("mode", SEPARATION_MODES)
def test_a_mode_is_a_set_of_values_of_which_each_can_be_changed(mode):
    chosen = SEPARATION_MODES[mode]
    assert parameters("--mode", mode) == chosen
    assert parameters("--mode", mode, "--stride", 16) == replace(chosen, stride=16)
    assert parameters("--iterations", 3, "--mode", mode) == replace(chosen, iterations=3)
    options = ("--mode", mode, "--patch", 128, "--seed", 7)
    assert parameters(*options) == replace(chosen, patch=128, seed=7)


def test_the_mode_decides_how_many_patches_have_an_opinion(run, image, model, tmp_path):
    saved = tmp_path / "a.npz"
    options = ("--save-affinities", saved, "--region", "40:56,40:56", "--device", "cpu")
    for mode, most in (("draft", 4), ("balanced", 16)):
        command = ("segment", image, "-o", tmp_path / "labels.tif", "--model", model)
        assert run(*command, "--mode", mode, *options).code == 0
        assert read_affinities(saved).weight.max() == most
