"""The offer to restore what was not saved when napari ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from datetime import datetime
from typing import Any

from napari.layers import Labels, Layer
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_inpaintaff.errors import ImageError, InpaintAffError
from napari_inpaintaff.images import pixel_fingerprint
from napari_inpaintaff.images.pixels import Pixels
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.session import (
    Session,
    Unsaved,
    autosave,
    discard,
    find_unsaved,
    read_session,
)
from napari_inpaintaff.widgets.autosaver import adopt_autosave, saved_paths, this_run
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.planes import pixels_of
from napari_inpaintaff.widgets.runner import JobRunner


class RestoreOffer(QGroupBox):
    """A box at the top of a dock widget, hidden while there is nothing to offer.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    restore_pressed = Signal()
    discard_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Unsaved work", parent)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.restore_button = QPushButton("Restore")
        self.restore_button.setToolTip("Show them in a new layer. Nothing else changes.")
        self.restore_button.clicked.connect(self.restore_pressed)
        self.discard_button = QPushButton("Discard")
        self.discard_button.setToolTip("Delete them for good.")
        self.discard_button.clicked.connect(self.discard_pressed)
        buttons = QHBoxLayout()
        buttons.addWidget(self.restore_button)
        buttons.addWidget(self.discard_button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addLayout(buttons)
        self.hide()

    def show_unsaved(self, unsaved: Unsaved | None) -> None:
        """Offer to restore something, or nothing."""
        if unsaved is not None:
            self.text.setText(f"Unsaved {_what(unsaved)} from {when(unsaved.saved)} were found.")
        for button in (self.restore_button, self.discard_button):
            button.setEnabled(True)
        self.setVisible(unsaved is not None)

    def show_busy(self) -> None:
        """Show that it is being restored."""
        for button in (self.restore_button, self.discard_button):
            button.setEnabled(False)


class Restorer(QObject):
    """Looks for what belongs to the images of a dock widget, and restores it on demand.

    Parameters
    ----------
    offer : RestoreOffer
        Where to offer it.
    roles : collection of str
        Which labels the dock widget knows.
    put_back : callable
        Shows a restored session; returns its layer.
    """

    #: Something was restored; carries its layer.
    restored = Signal(object)

    def __init__(
        self, offer: RestoreOffer, roles: Collection[str], put_back: Callable[[Session], Labels]
    ) -> None:
        super().__init__()
        self._offer = offer
        self._roles = frozenset(roles)
        self._put_back = put_back
        self._found: list[Unsaved] = []
        self._next: list[tuple[str, Pixels]] | None = None
        self._finder, self._reader = JobRunner(), JobRunner()
        self._finder.succeeded.connect(self._on_found)
        # Its errors are no news: the image cannot be read, or the folder.
        self._finder.finished.connect(self._look_again)
        self._reader.succeeded.connect(self._on_read)
        self._reader.failed.connect(self._on_unreadable)
        offer.restore_pressed.connect(self.restore)
        offer.discard_pressed.connect(self.discard)

    def look(self, layers: Collection[Layer]) -> None:
        """Look in the background for what belongs to one of these layers."""
        self._next = [(layer.name, pixels_of(layer)) for layer in layers]
        if not self._finder.is_running:
            self._look_again()

    def restore(self) -> None:
        """Do what the button Restore does."""
        if self._found and not self._reader.is_running:
            self._offer.show_busy()
            self._reader.start(_reading(self._found[0]), name="Restoring")

    def discard(self) -> None:
        """Do what the button Discard does."""
        if self._found:
            discard(self._found.pop(0).path)
        self._show()

    def dispose(self) -> None:
        """Report nothing any more."""
        self._finder.dispose()
        self._reader.dispose()

    def _look_again(self) -> None:
        wanted, self._next = self._next, None
        if wanted is not None:
            steps = _finding(wanted, self._roles, saved_paths())
            self._finder.start(steps, name="Looking for unsaved strokes")

    def _on_found(self, found: list[Unsaved]) -> None:
        self._found = found
        if not self._reader.is_running:
            self._show()

    def _on_read(self, result: tuple[Unsaved, Session]) -> None:
        unsaved, session = result
        self._found = [other for other in self._found if other.path != unsaved.path]
        try:
            layer = self._put_back(session)
        except Exception as error:
            notify_failure(error)
            self._show()
            return
        try:
            # From now on it is saved there.
            adopt_autosave(layer, unsaved.path)
        except InpaintAffError as error:
            notify_failure(error)
        self._show()
        self.restored.emit(layer)

    def _on_unreadable(self, error: Exception) -> None:
        notify_failure(error)
        self._found = self._found[1:]
        self._show()

    def _show(self) -> None:
        self._offer.show_unsaved(self._found[0] if self._found else None)


def _finding(
    wanted: list[tuple[str, Pixels]], roles: frozenset[str], in_use: list[Any]
) -> Generator[Progress, None, list[Unsaved]]:
    yield Progress(0, 0, "Looking for unsaved strokes…")
    run = this_run()
    left = find_unsaved(autosave.autosave_folder(), run=run, in_use=in_use)
    left = [unsaved for unsaved in left if unsaved.role in roles]
    if not left:
        return []
    known = set()
    for name, pixels in wanted:
        yield Progress(0, 0, "Looking for unsaved strokes…")
        known.add(pixel_fingerprint(pixels, name))
    return [unsaved for unsaved in left if unsaved.fingerprints & known]


def _reading(unsaved: Unsaved) -> Generator[Progress, None, tuple[Unsaved, Session]]:
    yield Progress(0, 0, "Restoring…")
    session = read_session(unsaved.path)
    if not session.labels:
        raise ImageError(f"{unsaved.path.name} holds no labels")
    return unsaved, session


def _what(unsaved: Unsaved) -> str:
    return "strokes" if unsaved.role == "paint" else "corrections"


def when(saved: datetime) -> str:
    """Tell a time as people do: ``"14:02"``, or ``"20 November, 14:02"`` of another day."""
    local = saved.astimezone()
    clock = f"{local:%H:%M}"
    if local.date() == datetime.now().astimezone().date():
        return clock
    return f"{local.day} {local:%B}, {clock}"
