"""The files of a training besides its model: checkpoint and settings."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from napari_inpaintaff.errors import InpaintAffError, OutputError
from napari_inpaintaff.images import atomic_path
from napari_inpaintaff.inpainting.checkpoint import CHECKPOINT_KIND, checkpoint_path
from napari_inpaintaff.networks.model_file import read_model_metadata
from napari_inpaintaff.widgets.model_names import model_path
from napari_inpaintaff.widgets.training_settings import (
    TrainingControl,
    TrainingRequest,
    TrainingSettings,
)


@dataclass(frozen=True)
class InterruptedTraining:
    """A training that can go on.

    Attributes
    ----------
    name : str
        Of its model.
    minutes : float or None
        How long it had been trained when it was last measured; None when it never was.
    settings : TrainingSettings or None
        With which it was started; None when they are not known.
    layers : tuple of str
        Names of the layers that it was trained on.
    files : tuple of Path
        Files and folders that it was trained on.
    """

    name: str
    minutes: float | None
    settings: TrainingSettings | None = None
    layers: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


def settings_path(name: str) -> Path:
    """Return the file with the settings of a training; it lies beside the checkpoint."""
    return model_path(name).with_name(f"{name}.training.json")


def prepare_folder(folder: Path) -> None:
    """Make a folder for models.

    Raises
    ------
    OutputError
        If that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder {folder} for your models cannot be made: {error.strerror or error}"
        ) from error


@contextlib.contextmanager
def training_files(request: TrainingRequest, control: TrainingControl) -> Iterator[Path]:
    """Look after the files of a training while it runs.

    Parameters
    ----------
    request : TrainingRequest
        Its settings are written down, so that a later session can resume it.
    control : TrainingControl
        If ``discard`` is set when the body is left by an exception, or no checkpoint was
        written, the files are again as they were before; otherwise the newest one stays.

    Yields
    ------
    Path
        Where the checkpoint belongs.

    Raises
    ------
    OutputError
        If nothing can be written there.
    """
    name = request.settings.name
    prepare_folder(model_path(name).parent)
    checkpoint, settings = checkpoint_path(model_path(name)), settings_path(name)
    before = _version(checkpoint)
    for file in (checkpoint, settings):
        _set_aside(file)
    try:
        _write_settings(settings, request)
        yield checkpoint
    except BaseException:
        if control.discard.is_set() or _version(checkpoint) == before:
            for file in (checkpoint, settings):
                _give_back(file)
        raise
    finally:
        for file in (checkpoint, settings):
            _aside(file).unlink(missing_ok=True)


def forget_training(name: str) -> None:
    """Remove checkpoint and settings of a training whose model has been saved."""
    for file in (checkpoint_path(model_path(name)), settings_path(name)):
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


def read_interrupted(name: str) -> InterruptedTraining | None:
    """Read what is known of an interrupted training.

    Parameters
    ----------
    name : str
        Of its model.

    Returns
    -------
    InterruptedTraining or None
        None when there is none, or its checkpoint is damaged.
    """
    checkpoint = checkpoint_path(model_path(name))
    if not checkpoint.is_file():
        return None
    try:
        history = read_model_metadata(checkpoint, CHECKPOINT_KIND).get("history", [])
        minutes = float(history[-1]["seconds"]) / 60 if history else None
    except (InpaintAffError, LookupError, TypeError, ValueError):
        return None
    try:
        values: dict[str, Any] = json.loads(settings_path(name).read_text(encoding="utf-8"))
        return InterruptedTraining(
            name,
            minutes,
            TrainingSettings(**values["settings"]),
            tuple(map(str, values["layers"])),
            tuple(map(Path, values["files"])),
        )
    except (OSError, InpaintAffError, LookupError, TypeError, ValueError, RecursionError):
        return InterruptedTraining(name, minutes)


def _write_settings(path: Path, request: TrainingRequest) -> None:
    values = {
        "settings": asdict(request.settings),
        "layers": [layer.name for layer in request.layers],
        "files": [str(file.absolute()) for file in request.files],
    }
    with atomic_path(path) as unfinished:
        unfinished.write_text(json.dumps(values, indent=1), encoding="utf-8")


def _version(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.before")


def _set_aside(path: Path) -> None:
    """Keep what a file holds now under another name; the file itself stays."""
    aside = _aside(path)
    try:
        aside.unlink(missing_ok=True)
        if path.exists():
            # Files are replaced, never written to: a second name keeps the old contents.
            try:
                os.link(path, aside)
            except OSError:
                shutil.copy2(path, aside)
    except OSError as error:
        raise OutputError(f"{aside} cannot be written: {error.strerror or error}") from error


def _give_back(path: Path) -> None:
    aside = _aside(path)
    with contextlib.suppress(OSError):
        if aside.exists():
            aside.replace(path)
        else:
            path.unlink(missing_ok=True)
