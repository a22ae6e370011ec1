"""Names for models that users train, and the files that stand for them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.inpainting.checkpoint import checkpoint_path
from napari_inpaintaff.separation import available_models

#: Longer names make files that some systems cannot hold.
_LONGEST = 80
#: What Windows refuses in the name of a file, and what would be a path.
_FORBIDDEN = '<>:"/\\|?*'
_CHECKPOINT_ENDING = checkpoint_path("x").stem.removeprefix("x")


def model_path(name: str) -> Path:
    """Return the file of a user's model of that name; it need not be there."""
    return catalogue.user_model_folder() / f"{name}.safetensors"


def own_names() -> list[str]:
    """List the names of the user's own models, the readable and the damaged ones."""
    files = catalogue.user_model_folder().glob("*.safetensors")
    return sorted(f.stem for f in files if not f.stem.endswith(_CHECKPOINT_ENDING))


def interrupted_names() -> list[str]:
    """List the names of models whose training can go on, the newest checkpoint first."""
    ending = f"{_CHECKPOINT_ENDING}.safetensors"
    files = catalogue.user_model_folder().glob(f"*{ending}")
    newest = sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
    return [file.name.removesuffix(ending) for file in newest]


@cache
def shipped_names() -> frozenset[str]:
    """Return the names of the models that come with this package."""
    folder = catalogue.user_model_folder()
    entries = available_models()
    return frozenset(entry.name for entry in entries if entry.path.parent != folder)


def name_problem(name: str) -> str:
    """Say why a model cannot have a name; empty when it can.

    Parameters
    ----------
    name : str
        As the user typed it.

    Returns
    -------
    str
        One line. That the user has a model of this name already is no problem here.
    """
    if not name:
        return "Give the model a name."
    forbidden = [c for c in name if c in _FORBIDDEN or not c.isprintable()]
    if forbidden:
        return f"A model's name cannot contain {forbidden[0]!r}."
    if name[0] in ". " or name[-1] in ". " or len(name) > _LONGEST:
        return (
            f"A model's name has at most {_LONGEST} letters and begins and ends with no dot or "
            "space."
        )
    if name.casefold().endswith(_CHECKPOINT_ENDING):
        return f"A model's name cannot end in {_CHECKPOINT_ENDING!r}."
    if _is_among(name, shipped_names()):
        return f"{name} comes with the plugin and cannot be replaced: choose another name."
    return ""


def is_own_name(name: str) -> bool:
    """Whether the user has a model of this name; upper and lower case are one to some disks."""
    return _is_among(name, own_names())


def free_name(wish: str, ending: str) -> str:
    """Propose a name that no model has and no interrupted training will have.

    Parameters
    ----------
    wish : str
        Such as the name of an image layer; what a name cannot hold is replaced.
    ending : str
        Says what the model is, such as ``"inpainter"``.

    Returns
    -------
    str
        The wish and the ending, with a number behind them if need be.
    """
    base = re.sub(r"[^\w\-]+", "-", Path(wish).stem).strip("-")[: _LONGEST - 20] or "images"
    stem = f"{base}-{ending}"
    taken = [*own_names(), *interrupted_names(), *shipped_names()]
    name, number = stem, 2
    while _is_among(name, taken):
        name, number = f"{stem}-{number}", number + 1
    return name


def _is_among(name: str, names: list[str] | frozenset[str]) -> bool:
    return name.casefold() in {other.casefold() for other in names}
