"""The command line, run in this process, and small files for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import tifffile
from two_cells import two_cells

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

    @property
    def complaints(self) -> list[str]:
        """The lines on standard error without those of progress, which a slow machine prints."""
        return [line for line in self.lines if not re.search(r": \d+ %", line)]


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


Train = Callable[..., tuple[Outcome, Path]]


@pytest.fixture
def train(run: Run, tmp_path: Path) -> Train:
    """Train on these images on the CPU; give the outcome and the model file."""

    def train(*arguments: object, output: Path | None = None) -> tuple[Outcome, Path]:
        model = output or tmp_path / "my-cells.safetensors"
        return run("train-inpainter", *arguments, "-o", model, "--device", "cpu"), model

    return train


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


@pytest.fixture(scope="session")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student that has learnt nothing, and wants an alpha of its own."""
    import torch

    from contrast_student import ARCHITECTURE
    from napari_inpaintaff.networks import build_unet
    from napari_inpaintaff.separation import Student, StudentMetadata

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = build_unet(ARCHITECTURE)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
    record = {"teacher": "tiny", "data": "3 images", "agreement": 0.9}
    metadata = StudentMetadata("quick", ARCHITECTURE, alpha=0.9, training=record)
    folder = tmp_path_factory.mktemp("student")
    return Student(network, metadata, device="cpu").save(folder / "quick.safetensors")
