"""The wheel in an environment that somebody else made: nothing there changes, everything opens."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SOURCES = ("src", "pyproject.toml", "README.md", "LICENSE")

pytestmark = pytest.mark.slow


def run(*command: str | Path, folder: Path) -> str:
    """Run a command that knows nothing of this checkout, and return what it printed."""
    known = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    known["NAPARI_CONFIG"] = str(folder / "settings.yaml")
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=known)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Environment:
    """A fresh environment with napari, Qt and torch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        run(sys.executable, "-m", "venv", folder / "env", folder=folder)
        scripts = "Scripts" if sys.platform == "win32" else "bin"
        self.python = folder / "env" / scripts / "python"
        self.pip("install", "-q", "-c", ROOT / "constraints.txt", "napari[pyqt6]", "torch")

    def pip(self, *arguments: str | Path) -> str:
        return run(self.python, "-m", "pip", *arguments, folder=self.folder)

    def versions(self) -> dict[str, str]:
        lines = self.pip("list", "--format=freeze").split()
        return dict(line.split("==") for line in lines)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel of a copy of the sources: what earlier builds left behind is not in it."""
    copy, output = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    leave_out = shutil.ignore_patterns("*.egg-info", "__pycache__")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=leave_out)
        else:
            shutil.copy(ROOT / name, copy)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", output, copy, folder=output)
    (path,) = output.glob("*.whl")
    return path


@pytest.fixture
def environment(tmp_path) -> Iterator[Environment]:
    """An environment that is removed afterwards: it is gigabytes."""
    yield Environment(tmp_path)
    shutil.rmtree(tmp_path, ignore_errors=True)


def test_the_wheel_leaves_an_environment_alone_and_opens_in_it(wheel, environment, tmp_path):
    before = environment.versions()
    assert {"napari", "torch", "PyQt6", "PyQt6-Qt6"} <= before.keys()
    # Without constraints, as users do.
    environment.pip("install", "-q", wheel)
    after = environment.versions()
    assert {name: after.get(name) for name in before} == before
    assert "napari-inpaintaff" in after
    assert not [name for name in after if "qt" in name.lower() and name not in before]
    environment.pip("check")

    shutil.copy(Path(__file__).with_name("open_everything.py"), tmp_path)
    said = run(environment.python, "-P", tmp_path / "open_everything.py", ROOT, folder=tmp_path)
    manifest = yaml.safe_load((ROOT / "src/napari_inpaintaff/napari.yaml").read_text("utf8"))
    contributions = manifest["contributions"]
    # napari prints its notifications, too.
    opened = [line for line in said.splitlines() if not line.startswith(("INFO:", "WARNING:"))]
    assert opened == [
        *(f"sample {sample['key']}" for sample in contributions["sample_data"]),
        *(f"widget {widget['display_name']}" for widget in contributions["widgets"]),
        "cells True",
        "saved cells.tif",
    ]
    assert "napari" in run(environment.python, "-m", "napari_inpaintaff", "info", folder=tmp_path)
