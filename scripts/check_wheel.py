"""Check that a wheel holds what the plugin needs at run time, and no tests."""

import sys
from pathlib import PurePosixPath
from zipfile import ZipFile

NEEDED = ("napari_inpaintaff/napari.yaml", "napari_inpaintaff/py.typed")
WEIGHTS = "napari_inpaintaff/*/weights/*.safetensors"
LARGEST_WEIGHTS = 38_000_000  # bytes, all of them together; a wheel must stay below 40 MB


def faults(path: str) -> list[str]:
    """Everything that is wrong with the wheel at ``path``, one line each."""
    with ZipFile(path) as wheel:
        sizes = {entry.filename: entry.file_size for entry in wheel.infolist()}
    found = [f"{name} is missing" for name in NEEDED if name not in sizes]
    weights = [name for name in sizes if PurePosixPath(name).match(WEIGHTS)]
    if not weights:
        found.append("the shipped models are missing")
    if sum(sizes[name] for name in weights) > LARGEST_WEIGHTS:
        found.append(f"the shipped models take more than {LARGEST_WEIGHTS} bytes")
    found += [f"{name} does not belong in a wheel" for name in sizes if "test" in name.lower()]
    return found


if __name__ == "__main__":
    problems = [f"{path}: {fault}" for path in sys.argv[1:] for fault in faults(path)]
    print("\n".join(problems) or f"{len(sys.argv) - 1} wheel checked: complete")
    sys.exit(1 if problems else 0)
