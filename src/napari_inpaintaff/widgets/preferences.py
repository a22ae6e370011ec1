"""File > Preferences > Inpainting affinities: what is set there is used everywhere."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_warning

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.networks.compute import Compute, use_compute
from napari_inpaintaff.widgets.model_news import model_news

_PLUGIN = "napari-inpaintaff"
#: Sections and names as the manifest calls them.
_COMPUTING = ("device", "threads", "gpu_memory", "tile")

_logger = logging.getLogger(__name__)
#: Settings that are followed already; napari makes them anew when plugins change.
_followed: list[Any] = []


def follow_preferences() -> None:
    """Use what is set on napari's page of preferences, and what will be set there.

    napari before 0.9 has no such page, and a widget that is used without napari's plugin
    manager none for this plugin: nothing happens then.
    """
    settings = _settings()
    if settings is None or any(settings is other for other in _followed):
        return
    _followed[:] = [settings]
    for name in _COMPUTING:
        getattr(settings.computing.events, name).connect(_on_computing)
    settings.folders.events.models.connect(_on_folder)
    _on_computing()
    _on_folder()


def _settings() -> Any:
    try:
        from napari.settings import get_plugin_settings

        return get_plugin_settings(_PLUGIN)
    except (ImportError, KeyError):
        return None
    except Exception as error:  # a damaged settings file must not keep a widget from opening
        _logger.warning("the preferences cannot be read: %s", error)
        return None


def _on_computing(event: object = None) -> None:
    computing = _followed[0].computing
    try:
        use_compute(
            Compute(
                str(computing.device),
                int(computing.threads),
                float(computing.gpu_memory),
                int(computing.tile),
            )
        )
    except (ParameterError, TypeError, ValueError) as error:
        show_warning(f"The preferences of Inpainting affinities cannot be used: {error}")


def _on_folder(event: object = None) -> None:
    folder = chosen_folder(str(_followed[0].folders.models))
    if folder != catalogue.chosen_model_folder():
        catalogue.use_model_folder(folder)
        model_news.changed.emit()


def chosen_folder(text: str) -> Path | None:
    """Read the folder of models as the user wrote it.

    Parameters
    ----------
    text : str
        Empty for the usual folder. ``~`` is the user's home.

    Returns
    -------
    Path or None
        None for the usual folder; also for what can be no folder, which the user is told.
    """
    if not text.strip():
        return None
    try:
        folder = Path(text.strip()).expanduser()
    except RuntimeError:
        folder = Path(text.strip())
    if folder.is_absolute() and not (folder.exists() and not folder.is_dir()):
        return folder
    show_warning(
        f"{text.strip()} cannot be the folder of your models: give the whole path of a folder. "
        "Until then the usual folder is used."
    )
    return None
