"""Torch is missing, or the system does not load it: the user is told why, and what to do."""

from __future__ import annotations

import subprocess
import sys

import pytest
from fake_engine import FakeEngine

from napari_inpaintaff.cli.app import main
from napari_inpaintaff.errors import InstallationError
from napari_inpaintaff.widgets.loading import load_torch
from napari_inpaintaff.widgets.separate_cells import SeparateCells


class _Refusing:
    """An import system in which importing torch raises an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise self.error


@pytest.fixture
def refuse(monkeypatch):
    """Let the next imports of torch fail."""

    def refuse_with(error: Exception) -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "torch"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr("napari_inpaintaff.widgets.loading._map_libraries", lambda: None)
        monkeypatch.setattr(sys, "meta_path", [_Refusing(error), *sys.meta_path])

    return refuse_with


def dll_error() -> OSError:
    return OSError("[WinError 1114] A dynamic link library initialization routine failed. c10.dll")


def test_on_windows_after_qt_the_way_out_is_named(refuse, monkeypatch):
    refuse(dll_error())
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "PyQt6", sys)
    with pytest.raises(InstallationError, match=r"after Qt .*1114.*`inpaintaff napari`"):
        load_torch()


def test_on_windows_without_qt_the_order_is_not_blamed(refuse, monkeypatch):
    refuse(dll_error())
    monkeypatch.setattr(sys, "platform", "win32")
    for binding in ("PyQt5", "PyQt6", "PySide2", "PySide6"):
        monkeypatch.delitem(sys.modules, binding, raising=False)
    with pytest.raises(InstallationError, match="Visual C") as raised:
        load_torch()
    assert "inpaintaff napari" not in str(raised.value)


def test_elsewhere_the_reason_is_passed_on(refuse, monkeypatch):
    refuse(ImportError("libtorch_cpu.so: cannot allocate memory in static TLS block"))
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(InstallationError, match=r"^PyTorch cannot be loaded: libtorch_cpu\.so"):
        load_torch()


def test_missing_torch_is_one_line_of_the_command(refuse, capsys):
    refuse(ModuleNotFoundError("No module named 'torch'", name="torch"))
    assert main(["napari"]) == 2
    assert "error: PyTorch is not installed beside napari." in capsys.readouterr().err


class _EngineWithoutTorch(FakeEngine):
    def warm_up(self) -> None:
        raise InstallationError("Windows could not load PyTorch after Qt.")


def test_the_reason_is_shown_when_the_dock_opens(viewer, notifications, qtbot):
    widget = SeparateCells(viewer, engine=_EngineWithoutTorch())
    viewer.window.add_dock_widget(widget, name="Separate cells")
    qtbot.waitUntil(lambda: len(notifications) > 0, timeout=30_000)
    (notice,) = notifications
    assert notice.message == "Windows could not load PyTorch after Qt."
    assert widget.controls.run_button.isEnabled()


_ORDER = """
import runpy, sys
from napari_inpaintaff.cli.app import main
def stop(*arguments, **settings):
    names = [name.split(".")[0] for name in sys.modules]
    qt = min(names.index(n) for n in ("PyQt5", "PyQt6", "PySide6") if n in names)
    print(names.index("torch") < qt, sys.argv, arguments)
runpy.run_module = stop
sys.exit(main(["napari", "one.tif", "two.tif"]))
"""


def test_the_command_loads_torch_before_qt_and_hands_on_the_files():
    done = subprocess.run(
        [sys.executable, "-c", _ORDER], capture_output=True, text=True, timeout=300
    )
    assert done.stdout == "True ['napari', 'one.tif', 'two.tif'] ('napari',)\n", done.stderr


_QT_FIRST = """
import qtpy.QtWidgets
from napari_inpaintaff.errors import InstallationError
from napari_inpaintaff.widgets.loading import load_torch
try:
    load_torch()
except InstallationError as error:
    print(error)
else:
    import torch
    print(torch.zeros(1).item())
"""


def test_torch_after_qt_loads_here_or_says_why():
    """What napari itself does: on Linux and macOS it must work, on Windows it may not."""
    done = subprocess.run(
        [sys.executable, "-c", _QT_FIRST], capture_output=True, text=True, timeout=300
    )
    refused = sys.platform == "win32" and "inpaintaff napari" in done.stdout
    assert done.stdout == "0.0\n" or refused, done.stderr
