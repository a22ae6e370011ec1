"""Load torch without holding up the interface, and say why when it cannot be loaded.

``import torch`` in a worker thread still freezes the interface for half a second
and more: Python holds its lock while the system maps and initialises the large
libraries. A call through ctypes gives the lock away, so the libraries are mapped
by such a call first, and the import then finds them in place.

On Windows, torch 2.9 and later may refuse to load after Qt: both bring a C++
runtime, and the process keeps the one that came first. napari loads Qt before any
plugin, so nothing can be done here; ``inpaintaff napari`` loads torch first.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

from napari_inpaintaff.errors import InstallationError

_LIBRARY = {"linux": "libtorch_python.so", "darwin": "libtorch_python.dylib"}
_QT_BINDINGS = {"PyQt5", "PyQt6", "PySide2", "PySide6"}


def load_torch() -> None:
    """Import torch; call it in a worker thread, before anything that needs torch.

    The thread then computes with as many threads as the preferences say.

    Raises
    ------
    InstallationError
        If torch is missing or the system cannot load it; the message says what to do.
    """
    if "torch" not in sys.modules:
        _map_libraries()
    try:
        import torch  # noqa: F401
    except (ImportError, OSError) as error:
        raise InstallationError(_what_to_do(error)) from error
    from napari_inpaintaff.networks.devices import use_threads

    use_threads()


def _what_to_do(error: ImportError | OSError) -> str:
    """Tell apart the three reasons why torch does not load."""
    if isinstance(error, ModuleNotFoundError) and error.name == "torch":
        return (
            "PyTorch is not installed beside napari. Install it in the same environment "
            "(pip install torch) and start napari again."
        )
    if sys.platform == "win32" and not _QT_BINDINGS.isdisjoint(sys.modules):
        return (
            f"Windows could not load PyTorch after Qt ({error}). Close napari, and start it with "
            "the command `inpaintaff napari`, which loads PyTorch first."
        )
    runtime = " and the newest Microsoft Visual C++ Redistributable" * (sys.platform == "win32")
    return f"PyTorch cannot be loaded: {error}. Install it again{runtime}, then start napari again."


def _map_libraries() -> None:
    """Map torch's libraries; where that fails, the import does it, and says what is wrong."""
    name = _LIBRARY.get(sys.platform)
    spec = importlib.util.find_spec("torch")
    if name is None or spec is None or spec.origin is None:
        return
    library = Path(spec.origin).parent / "lib" / name
    if library.is_file():
        system = ctypes.CDLL(None)
        system.dlopen.restype = ctypes.c_void_p
        system.dlopen.argtypes = (ctypes.c_char_p, ctypes.c_int)
        system.dlopen(os.fsencode(library), os.RTLD_NOW | os.RTLD_LOCAL)
