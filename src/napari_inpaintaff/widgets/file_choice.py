"""Choose a file or a folder, or none."""

from __future__ import annotations

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget


class FileChoice(QWidget):
    """A line with the path of a file, and a button that asks for one.

    Parameters
    ----------
    title : str
        Of the dialog.
    file_filter : str
        Which files it shows, as Qt spells it.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, *, title: str, file_filter: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._filter = file_filter
        self.edit = QLineEdit()
        self.edit.setPlaceholderText("none")
        self.edit.setClearButtonEnabled(True)
        self.button = QPushButton("Choose…")
        self.button.clicked.connect(self._ask)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.edit, 1)
        layout.addWidget(self.button)

    @property
    def path(self) -> str | None:
        """The file; None when there is none."""
        return str(self.edit.text()).strip() or None

    def set_path(self, path: str | None) -> None:
        """Show a file."""
        self.edit.setText(path or "")

    def _ask(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, self._title, "", self._filter)
        if name:
            self.edit.setText(name)


class FolderChoice(FileChoice):
    """A line with the path of a folder, and a button that asks for one.

    Parameters
    ----------
    title : str
        Of the dialog.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, *, title: str, parent: QWidget | None = None) -> None:
        super().__init__(title=title, file_filter="", parent=parent)

    def _ask(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self._title, self.path or "")
        if name:
            self.edit.setText(name)


class SaveChoice(FileChoice):
    """A line with the path of a file to write, and a button that asks for one.

    Parameters
    ----------
    title : str
        Of the dialog.
    file_filter : str
        Which names it suggests, as Qt spells it.
    parent : QWidget, optional
        Qt parent.
    """

    def _ask(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, self._title, self.path or "", self._filter)
        if name:
            self.edit.setText(name)
