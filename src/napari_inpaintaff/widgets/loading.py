"""Load torch without holding up the interface.

``import torch`` in a worker thread still freezes the interface for half a second
and more: Python holds its lock while the system maps and initialises the large
libraries. A call through ctypes gives the lock away, so the libraries are mapped
by such a call first, and the import then finds them in place.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

_LIBRARY = {"linux": "libtorch_python.so", "darwin": "libtorch_python.dylib"}


def load_torch() -> None:
    """Import torch; call it in a worker thread, before anything that needs torch.

    The thread then computes with as many threads as the preferences say.
    """
    if "torch" not in sys.modules:
        _map_libraries()
    import torch  # noqa: F401

    from napari_inpaintaff.networks.devices import use_threads

    use_threads()


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
