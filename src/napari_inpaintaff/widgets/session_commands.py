"""Save and open sessions: the commands, and the reader for dropped files."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari
from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog

from napari_inpaintaff.errors import InpaintAffError
from napari_inpaintaff.images import check_writable
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.session import SESSION_SUFFIX, Session, read_session
from napari_inpaintaff.widgets.autosaver import change_counts, forget_unchanged
from napari_inpaintaff.widgets.layer_records import holds_labels, is_recorded
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.session_capture import capture, iterate_saving, recorded_layers
from napari_inpaintaff.widgets.session_opening import show_session

if TYPE_CHECKING:
    import napari.viewer

SESSION_FILTER = f"Session (*{SESSION_SUFFIX})"


def ask_and_save_session(viewer: napari.viewer.Viewer) -> None:
    """Ask for a file and save what is open; napari calls this."""
    images, labels = recorded_layers(viewer)
    name = (images or labels)[0].name if images or labels else "session"
    chosen, _ = QFileDialog.getSaveFileName(
        None, "Save the session", f"{name}{SESSION_SUFFIX}", SESSION_FILTER
    )
    if chosen:
        save_session(viewer, Path(chosen))


def ask_and_open_session(viewer: napari.viewer.Viewer) -> None:
    """Ask for a session file and open it; napari calls this."""
    chosen, _ = QFileDialog.getOpenFileName(None, "Open a session", "", SESSION_FILTER)
    if chosen:
        open_session(viewer, Path(chosen))


def save_session(viewer: Any, path: Path) -> JobRunner | None:
    """Save what is open in a viewer, in the background.

    Parameters
    ----------
    viewer : napari.Viewer
    path : Path
        The ending is added to a name without it.

    Returns
    -------
    JobRunner or None
        What writes the file; None if that cannot begin, which the user was told.
    """
    if path.suffix != SESSION_SUFFIX:
        path = path.with_name(f"{path.name}{SESSION_SUFFIX}")
    try:
        check_writable(path, suffixes=(SESSION_SUFFIX,))
        captured = capture(viewer)
    except InpaintAffError as error:
        notify_failure(error)
        return None
    counts = change_counts([*recorded_layers(viewer)[1]])
    left_out = _left_out(viewer, captured.session)

    def say(written: Path) -> None:
        forget_unchanged(counts)
        text = f"Saved as {written.name}."
        if left_out:
            show_warning(" ".join([text, *left_out]))
        else:
            show_info(text)

    return _run(iterate_saving(path, captured), say, f"Saving {path.name}")


def _left_out(viewer: Any, session: Session) -> list[str]:
    """Say what a session does not hold."""
    sentences = [
        f"{image.name} was not opened from a file, so that its pixels are not in the session: "
        "save it as a file and open that to find it again."
        for image in session.images
        if not (image.path or image.sample)
    ]
    sentences += [
        f"{layer.name} is read from disk bit by bit: it is not in the session."
        for layer in viewer.layers
        if holds_labels(layer) and not is_recorded(layer)
    ]
    return sentences


def open_session(viewer: Any, path: Path) -> JobRunner:
    """Read a session in the background and show it in a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        What is open there stays open.
    path : Path

    Returns
    -------
    JobRunner
        What reads the file.
    """

    def show(session: Session) -> None:
        try:
            notes = show_session(viewer, session, path)
        except Exception as error:
            notify_failure(error)
            return
        if notes:
            show_warning(f"{path.name} is open. {' '.join(notes)}")
        else:
            show_info(f"{path.name} is open.")

    return _run(_reading(path), show, f"Opening {path.name}")


def session_reader(path: str | list[str]) -> Callable[[str], list[Any]] | None:
    """Return what reads a session file that was dropped on a viewer; napari calls this."""
    if isinstance(path, list) or not str(path).endswith(SESSION_SUFFIX):
        return None
    return _read_into_viewer


def _read_into_viewer(path: str) -> list[Any]:
    viewer = napari.current_viewer()
    if viewer is not None:
        # After napari has shown that there is no layer in the file itself.
        QTimer.singleShot(0, lambda: open_session(viewer, Path(path)))
    return [(None,)]


def _reading(path: Path) -> Generator[Progress, None, Session]:
    yield Progress(0, 0, f"Opening {path.name}…")
    return read_session(path)


def _run(steps: Generator[Any, None, Any], then: Callable[[Any], None], name: str) -> JobRunner:
    runner = JobRunner()
    runner.succeeded.connect(then)
    runner.failed.connect(notify_failure)
    runner.start(steps, name=name)
    return runner
