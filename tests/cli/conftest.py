"""The command line, run in this process, and small files for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_inpaintaff.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines on standard error."""
        return self.err.splitlines()


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``inpaintaff`` with these arguments."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


def two_cells(size: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """Two bright touching discs on a dark, noisy background, and their labels."""
    y, x = np.mgrid[:size, :size]
    first = (y - 48) ** 2 + (x - 36) ** 2 < 14**2
    second = ((y - 48) ** 2 + (x - 62) ** 2 < 13**2) & ~first
    labels = first + 2 * second.astype(np.uint16)
    noise = np.random.default_rng(0).normal(0, 8, (size, size))
    image = 200 + 700 * first + 900 * second + noise
    return image.astype(np.uint16), labels


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """TIFF of two touching cells, 96 x 96."""
    path = tmp_path / "cells.tif"
    tifffile.imwrite(path, two_cells()[0])
    return path


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny inpainter that has learnt nothing: enough to drive everything around it."""
    import torch

    from napari_inpaintaff.inpainting import Inpainter, InpainterMetadata
    from napari_inpaintaff.networks import UNetArchitecture, build_unet

    torch.manual_seed(0)
    architecture = UNetArchitecture("plain", (4, 4), stem=2)
    metadata = InpainterMetadata("tiny", architecture)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    return Inpainter(build_unet(architecture), metadata, device="cpu").save(path)
