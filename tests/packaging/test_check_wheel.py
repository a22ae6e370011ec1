"""scripts/check_wheel.py, on wheels that lack this and ask for that."""

from __future__ import annotations

import runpy
from pathlib import Path
from zipfile import ZipFile

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_wheel.py"
COMPLETE = ("napari.yaml", "py.typed", "inpainting/weights/nuclei.safetensors")
NEEDS = ("numpy>=1.26", "imagecodecs", "dask[array]>=2022.1.1", 'napari[all]; extra == "all"')


def check(folder: Path, files: tuple[str, ...], needs: tuple[str, ...]) -> list[str]:
    path = folder / "plugin-1-py3-none-any.whl"
    with ZipFile(path, "w") as wheel:
        for name in files:
            wheel.writestr(f"napari_inpaintaff/{name}", "")
        lines = ["Metadata-Version: 2.4", "Name: plugin", *(f"Requires-Dist: {n}" for n in needs)]
        wheel.writestr("plugin-1.dist-info/METADATA", "\n".join(lines) + "\n\nA description <9\n")
    found: list[str] = runpy.run_path(str(SCRIPT))["faults"](str(path))
    return found


def test_a_complete_wheel_with_lower_bounds_passes(tmp_path):
    assert check(tmp_path, COMPLETE, NEEDS) == []


@pytest.mark.parametrize(
    "need",
    [
        "torch<2.9",
        "torch>=2.4,<3",
        "torch==2.13.0",
        "numpy~=2.0",
        "napari!=0.9.1",
        'torch<3,>=2.4; sys_platform == "win32"',
    ],
)
def test_every_bound_but_a_lower_one_is_refused(tmp_path, need):
    assert check(tmp_path, COMPLETE, (*NEEDS, need)) == [f"{need}: lower bounds only"]


def test_a_marker_with_a_bound_is_none(tmp_path):
    need = 'tomli>=2; python_version < "3.11"'
    assert check(tmp_path, COMPLETE, (*NEEDS, need)) == []


@pytest.mark.parametrize("need", ["PyQt6>=6.5", "pyside6", "napari[all]>=0.9", "napari[pyqt6]"])
def test_qt_is_refused_unless_it_is_asked_for(tmp_path, need):
    assert check(tmp_path, COMPLETE, (*NEEDS, need)) == [f"{need}: no Qt may be required"]
    extra = f'{need}; extra == "all"'
    assert check(tmp_path, COMPLETE, (*NEEDS, extra)) == []


def test_what_is_missing_or_does_not_belong_is_named(tmp_path):
    files = (*COMPLETE[1:], "tests/test_images.py")
    assert check(tmp_path, files, ()) == [
        "napari_inpaintaff/napari.yaml is missing",
        "napari_inpaintaff/tests/test_images.py does not belong in a wheel",
        "no requirements are named",
    ]
    assert check(tmp_path, COMPLETE[:2], NEEDS) == ["the shipped models are missing"]
