"""Choose the images to train on: layers of the viewer, files and folders."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari.layers import Layer
from napari.utils.notifications import show_warning
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import PlaneCollection, SkippedImage
from napari_inpaintaff.images.reading import IMAGE_SUFFIXES
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.widgets.channel_field import ChannelField
from napari_inpaintaff.widgets.drop_list import DropList
from napari_inpaintaff.widgets.followed_layers import FollowedLayers
from napari_inpaintaff.widgets.layer_choice import image_refusal, is_image
from napari_inpaintaff.widgets.notices import failure_message, notify_failure
from napari_inpaintaff.widgets.planes import pixels_of
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.training_settings import LayerImages

LookThrough = Callable[[Sequence[Path], int | str | None], PlaneCollection]

_PATTERNS = " ".join(f"*{suffix}" for suffix in IMAGE_SUFFIXES)
IMAGE_FILTER = f"Images ({_PATTERNS});;All files (*)"
#: As many of the skipped files are named.
_NAMED = 3
#: From so many planes on, some are held out to measure the error on.
_ENOUGH = 4


@dataclass(eq=False)
class _Files:
    """What the user added at once: files, or a folder."""

    paths: tuple[Path, ...]
    ticked: bool = True
    planes: int = 0
    problem: str = ""

    @property
    def label(self) -> str:
        first = self.paths[0]
        if len(self.paths) == 1:
            return first.name or str(first)
        return f"{len(self.paths)} files in {self.title}"

    @property
    def title(self) -> str:
        """Name of the folder of several files, or of the only one."""
        first = self.paths[0]
        return first.name if len(self.paths) == 1 else first.parent.name or str(first.parent)


class TrainingSources(QWidget):
    """A list of layers and files to tick, and buttons to add files.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose image layers to offer.
    look_through : callable
        Finds the planes in files; called in a worker thread.
    parent : QWidget, optional
        Qt parent.
    """

    #: Something else is ticked, or known about it.
    changed = Signal()

    def __init__(
        self, viewer: Any, *, look_through: LookThrough, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._look_through = look_through
        self._files: list[_Files] = []
        self._ticked: list[Layer] = []
        self._rows: list[Layer | _Files] = []
        self._waiting: list[_Files] = []
        # Added last and refused: another channel may do, and they are looked through again.
        self._refused: list[_Files] = []
        self._looker = JobRunner()
        self._looker.succeeded.connect(self._on_looked)
        self._looker.failed.connect(notify_failure)
        self._looker.finished.connect(self._look_at_waiting)
        self._make_widgets()
        self._lay_out()
        self._followed = FollowedLayers(viewer, is_image, self._on_layers_changed)
        self._tick_first(viewer.layers.selection.active)
        self._show_rows()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The ticked layers."""
        return tuple(layer for layer in self._followed.layers if layer in self._ticked)

    @property
    def files(self) -> tuple[Path, ...]:
        """The ticked files and folders."""
        return tuple(path for row in self._usable_files for path in row.paths)

    @property
    def planes(self) -> int:
        """How many planes the ticked sources have, as far as they were looked through."""
        in_layers = sum(_planes_of_layer(layer) for layer in self.layers)
        return in_layers + sum(row.planes for row in self._usable_files)

    @property
    def chosen_channel(self) -> int | str | None:
        """The channel of files with several, or those to combine; None when none was chosen."""
        return self.channel.value

    @property
    def problem(self) -> str:
        """Why nothing can be trained on what is ticked; empty when it can."""
        if self._looker.is_running:
            return "The files are still being looked through."
        if not self.planes:
            return "Tick an image layer, or add files of yours."
        return ""

    @property
    def title(self) -> str:
        """A name for what is ticked first; empty when nothing is."""
        names = [layer.name for layer in self.layers]
        names += [row.title for row in self._usable_files]
        return names[0] if names else ""

    def captured(self) -> tuple[tuple[LayerImages, ...], tuple[Path, ...]]:
        """Take the images as they are now, whatever becomes of the layers.

        Raises
        ------
        ParameterError
            When there is nothing to train on.
        """
        if self.problem:
            raise ParameterError(self.problem)
        layers = [LayerImages(layer.name, pixels_of(layer)) for layer in self.layers]
        return tuple(sorted(layers, key=lambda layer: layer.name)), self.files

    def add(self, paths: Sequence[Path]) -> None:
        """Add files, or folders; they are looked through in a worker thread."""
        known = {path for row in self._files for path in row.paths}
        known |= {path for row in self._waiting for path in row.paths}
        new = [path for path in dict.fromkeys(paths) if path not in known]
        folders = [path for path in new if path.is_dir()]
        rest = tuple(path for path in new if path not in folders)
        self._look([_Files((folder,)) for folder in folders] + ([_Files(rest)] if rest else []))

    def restore(
        self, layers: Sequence[str], files: Sequence[Path], channel: int | str | None
    ) -> None:
        """Tick what an interrupted training was trained on, as far as it is here."""
        self.channel.choose(channel)
        self._ticked = [layer for layer in self._followed.layers if layer.name in layers]
        for row in self._files:
            row.ticked = all(path in files for path in row.paths)
        self._on_layers_changed()
        self.add(files)

    def dispose(self) -> None:
        """Stop following the viewer, and looking through files."""
        self._followed.dispose()
        self._looker.dispose()

    @property
    def _usable_files(self) -> list[_Files]:
        return [row for row in self._files if row.ticked and not row.problem]

    def _make_widgets(self) -> None:
        self.list = DropList()
        self.list.setToolTip(
            "Images like those whose cells you want to separate; they need no labels.\n"
            "Tens of pictures, or a few large ones. Of stacks and time-lapses all planes count.\n"
            "Files and folders can be dropped here."
        )
        self.list.setMaximumHeight(self.list.fontMetrics().lineSpacing() * 4)
        self.list.itemChanged.connect(self._on_item_changed)
        self.list.itemSelectionChanged.connect(self._update_remove_button)
        self.list.dropped.connect(self.add)
        self.list.delete_pressed.connect(self.remove_selected)
        self.files_button = QPushButton("Add files…")
        self.files_button.setToolTip(
            "Train on image files (TIFF, PNG, JPEG, files of microscopes) without opening them."
        )
        self.files_button.clicked.connect(self._ask_for_files)
        self.folder_button = QPushButton("Add folder…")
        self.folder_button.setToolTip(
            "Train on all images in a folder, or on an image that is a folder (OME-Zarr)."
        )
        self.folder_button.clicked.connect(self._ask_for_folder)
        self.remove_button = QPushButton("Remove")
        self.remove_button.clicked.connect(self.remove_selected)
        self._channel_label = QLabel("Channel")
        self.channel = ChannelField()
        self.channel.changed.connect(self._on_channel_changed)
        self.count = QLabel()
        self.count.setToolTip(
            "Planes are two-dimensional pictures: frames of a time-lapse, sections of a stack.\n"
            "Of four or more, some are held out to measure the error fairly."
        )
        self.count.setWordWrap(True)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.files_button, self.folder_button, self.remove_button):
            buttons.addWidget(button)
        channel = QHBoxLayout()
        channel.addWidget(self._channel_label)
        channel.addWidget(self.channel, stretch=1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.list)
        layout.addLayout(buttons)
        layout.addLayout(channel)
        layout.addWidget(self.count)

    def remove_selected(self) -> None:
        """Take the selected files off the list; layers stay."""
        selected = [row for row in self._selected_rows() if isinstance(row, _Files)]
        self._files = [row for row in self._files if row not in selected]
        self._show_rows()

    def _tick_first(self, wanted: Layer | None) -> None:
        usable = [layer for layer in self._followed.layers if not image_refusal(layer)]
        if wanted in usable:
            self._ticked = [wanted]
        elif len(usable) == 1:
            self._ticked = usable

    def _on_layers_changed(self) -> None:
        self._ticked = [layer for layer in self._followed.layers if layer in self._ticked]
        if not self._ticked and not self._files and not self._rows:
            self._tick_first(None)
        self._show_rows()

    def _show_rows(self) -> None:
        blocked = self.list.blockSignals(True)
        self.list.clear()
        self._rows = [*self._followed.layers, *self._files]
        for row in self._rows:
            self.list.addItem(_item(row, row in self._ticked))
        self.list.blockSignals(blocked)
        some = self._files or self._waiting or self._refused or self._looker.is_running
        for part in (self._channel_label, self.channel):
            part.setVisible(bool(some))
        self._update_remove_button()
        self._show_count()

    def _show_count(self) -> None:
        planes = self.planes
        if self._looker.is_running:
            self.count.setText("Looking through the files…")
        elif planes:
            hint = "" if planes >= _ENOUGH else "; four or more are better"
            self.count.setText(f"{planes} plane{'' if planes == 1 else 's'} to learn from{hint}.")
        else:
            self.count.setText(self.problem)
        self.changed.emit()

    def _update_remove_button(self) -> None:
        removable = any(isinstance(row, _Files) for row in self._selected_rows())
        self.remove_button.setEnabled(removable)
        self.remove_button.setToolTip(
            "Take the selected files off the list."
            if removable
            else "Select files or a folder in the list first. Layers are only unticked."
        )

    def _selected_rows(self) -> list[Layer | _Files]:
        return [self._rows[index.row()] for index in self.list.selectedIndexes()]

    def _on_item_changed(self, item: QListWidgetItem) -> None:
        row = self._rows[self.list.row(item)]
        ticked = item.checkState() == Qt.CheckState.Checked
        if isinstance(row, _Files):
            row.ticked = ticked
        elif ticked:
            self._ticked.append(row)
        else:
            self._ticked = [layer for layer in self._ticked if layer is not row]
        self._show_count()

    def _on_channel_changed(self) -> None:
        self._look([*self._files, *self._refused])

    def _ask_for_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Images to train on", "", IMAGE_FILTER)
        self.add([Path(name) for name in names])

    def _ask_for_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder of images to train on")
        if name:
            self.add([Path(name)])

    def _look(self, rows: list[_Files]) -> None:
        self._waiting += [row for row in rows if row not in self._waiting]
        if not self._looker.is_running:
            self._look_at_waiting()

    def _look_at_waiting(self) -> None:
        rows, self._waiting = self._waiting, []
        if rows:
            steps = _look_steps(self._look_through, rows, self.chosen_channel)
            self._looker.start(steps, name="Looking through files")
        self._show_rows()

    def _on_looked(self, found: list[tuple[_Files, PlaneCollection | Exception]]) -> None:
        skipped: list[SkippedImage] = []
        self._refused = []
        for row, result in found:
            if isinstance(result, PlaneCollection):
                row.planes, row.problem = len(result.planes), ""
                skipped += result.skipped
                if row not in self._files:
                    self._files.append(row)
            else:
                row.planes, row.problem = 0, failure_message(result)
                notify_failure(result)
                if row not in self._files:
                    self._refused.append(row)
        if skipped:
            show_warning(describe_skipped(skipped))


def describe_skipped(skipped: Sequence[SkippedImage]) -> str:
    """Count and name images that are left out.

    Parameters
    ----------
    skipped : sequence of SkippedImage
        One at least.

    Returns
    -------
    str
        One line.
    """
    named = "; ".join(f"{Path(s.path_or_name).name}: {s.reason}" for s in skipped[:_NAMED])
    rest = len(skipped) - _NAMED
    images = "1 image is" if len(skipped) == 1 else f"{len(skipped)} images are"
    return f"{images} left out. {named}" + (f"; and {rest} more" if rest > 0 else "")


def _look_steps(
    look_through: LookThrough, rows: Sequence[_Files], channel: int | str | None
) -> Generator[Progress, None, list[tuple[_Files, PlaneCollection | Exception]]]:
    found: list[tuple[_Files, PlaneCollection | Exception]] = []
    for number, row in enumerate(rows):
        yield Progress(number, len(rows))
        try:
            found.append((row, look_through(row.paths, channel)))
        except Exception as error:
            found.append((row, error))
    return found


def _item(row: Layer | _Files, ticked: bool) -> QListWidgetItem:
    if isinstance(row, _Files):
        text, refusal, ticked, planes = row.label, row.problem, row.ticked, row.planes
        about = "\n".join(map(str, row.paths[:20]))
    else:
        text, refusal, planes = row.name, image_refusal(row), _planes_of_layer(row)
        about = f"Layer {row.name}"
    item = QListWidgetItem(text if planes == 1 or refusal else f"{text}  ({planes} planes)")
    item.setToolTip(refusal or about)
    item.setCheckState(Qt.CheckState.Checked if ticked and not refusal else Qt.CheckState.Unchecked)
    if refusal:
        item.setFlags(item.flags() & ~(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable))
    return item


def _planes_of_layer(layer: Layer) -> int:
    return math.prod(int(length) for length in pixels_of(layer).shape[:-2])
