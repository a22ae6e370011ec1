"""Check that a wheel holds what the plugin needs at run time, no tests, and no demands on others.

It is installed beside a napari, a Qt and a PyTorch that somebody chose, so it asks for lower
bounds only, and for no Qt at all.
"""

import re
import sys
from email import message_from_bytes
from pathlib import PurePosixPath
from zipfile import ZipFile

NEEDED = ("napari_inpaintaff/napari.yaml", "napari_inpaintaff/py.typed")
WEIGHTS = "napari_inpaintaff/*/weights/*.safetensors"
LARGEST_WEIGHTS = 38_000_000  # bytes, all of them together; a wheel must stay below 40 MB
QT = re.compile(r"(pyqt|pyside)\d|napari\[(all|qt|pyqt|pyside)", re.IGNORECASE)


def faults(path: str) -> list[str]:
    """Return everything that is wrong with the wheel at ``path``, one line each."""
    with ZipFile(path) as wheel:
        sizes = {entry.filename: entry.file_size for entry in wheel.infolist()}
        needs = [
            need
            for name in sizes
            if PurePosixPath(name).match("*.dist-info/METADATA")
            for need in message_from_bytes(wheel.read(name)).get_all("Requires-Dist", [])
        ]
    found = [f"{name} is missing" for name in NEEDED if name not in sizes]
    weights = [name for name in sizes if PurePosixPath(name).match(WEIGHTS)]
    if not weights:
        found.append("the shipped models are missing")
    if sum(sizes[name] for name in weights) > LARGEST_WEIGHTS:
        found.append(f"the shipped models take more than {LARGEST_WEIGHTS} bytes")
    found += [f"{name} does not belong in a wheel" for name in sizes if "test" in name.lower()]
    return found + demands(needs)


def demands(requirements: list[str]) -> list[str]:
    """Return what among the requirements could change an environment that works."""
    if not requirements:
        return ["no requirements are named"]
    always = [need for need in requirements if "extra ==" not in need]
    found = [f"{need}: no Qt may be required" for need in always if QT.search(need)]
    for need in always:
        bounds = re.findall(r"(?:[<>=!~]=?|===)[^,;)\s]+", need.partition(";")[0])
        if any(not bound.startswith(">=") for bound in bounds):
            found.append(f"{need}: lower bounds only")
    return found


if __name__ == "__main__":
    problems = [f"{path}: {fault}" for path in sys.argv[1:] for fault in faults(path)]
    print("\n".join(problems) or f"{len(sys.argv) - 1} wheel checked: complete")
    sys.exit(1 if problems else 0)
