"""The documentation names every option, and what --help says does exist."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from napari_inpaintaff.cli.app import build_parser
from napari_inpaintaff.cli.options import DEVICES
from napari_inpaintaff.cli.training import CONFIGURATIONS

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
    from napari_inpaintaff.foreground import FOREGROUND_METHODS
    from napari_inpaintaff.inpainting.metadata import ARCHITECTURES
    from napari_inpaintaff.networks.devices import DEVICES as known_devices
    from napari_inpaintaff.partition import PARTITION_METHODS

    assert tuple(ARCHITECTURES) == CONFIGURATIONS
    assert known_devices == DEVICES
    text = REFERENCE.read_text(encoding="utf8")
    for name in (*FOREGROUND_METHODS, *PARTITION_METHODS):
        assert f"`{name}`" in text
