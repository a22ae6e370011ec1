"""Print constraints for everything the project needs, as installed beside this Python.

Run ``.venv/bin/python scripts/pin_constraints.py > constraints.txt`` after an upgrade. Only what
the project and its development group pull in is written, without local version parts
(``torch 2.13.0+cpu`` becomes ``torch==2.13.0``), so that the file suits every machine.
"""

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def needed_versions(requirements: list[str]) -> dict[str, str]:
    """Walk through the requirements of the requirements; name to version."""
    versions: dict[str, str] = {}
    waiting = [Requirement(text) for text in requirements]
    seen = set()
    while waiting:
        requirement = waiting.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            installed = distribution(requirement.name)
        except PackageNotFoundError:
            sys.exit(f"{requirement.name} is not installed beside {sys.executable}")
        versions[key[0]] = Version(installed.version).public
        for text in installed.requires or []:
            child = Requirement(text)
            environments = [{"extra": extra} for extra in requirement.extras or {""}]
            if child.marker is None or any(map(child.marker.evaluate, environments)):
                waiting.append(child)
    return versions


if __name__ == "__main__":
    settings = tomllib.loads(PYPROJECT.read_text(encoding="utf8"))
    wanted = ["pip", *settings["project"]["dependencies"], *settings["dependency-groups"]["dev"]]
    print("# The versions that the tests ran with. Written by scripts/pin_constraints.py.")
    for name, version in sorted(needed_versions(wanted).items()):
        print(f"{name}=={version}")
