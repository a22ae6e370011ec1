"""The name of the model to be, and what is known of models of that name."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_inpaintaff.widgets.model_names import (
    free_name,
    interrupted_names,
    is_own_name,
    name_problem,
    own_names,
)
from napari_inpaintaff.widgets.model_news import model_news
from napari_inpaintaff.widgets.run_controls import duration
from napari_inpaintaff.widgets.training_files import InterruptedTraining


class ModelNameField(QWidget):
    """A line for the name, and what the user has to say about names that are taken.

    Parameters
    ----------
    find_interrupted : callable
        Returns the training of a name that can go on, or None.
    ending : str, default "inpainter"
        Of the names that are proposed.
    parent : QWidget, optional
        Qt parent.
    """

    #: The name is another one, or something else was said about it.
    changed = Signal()

    def __init__(
        self,
        find_interrupted: Callable[[str], InterruptedTraining | None],
        *,
        ending: str = "inpainter",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._find_interrupted = find_interrupted
        self._ending = ending
        self._interrupted: InterruptedTraining | None = None
        self._proposed = ""
        self._wish = ""
        self._replaceable = ""
        self.edit = QLineEdit()
        self.edit.setToolTip('The model appears under this name in "Separate cells".')
        self.edit.textChanged.connect(self._on_edited)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.resume = QCheckBox()
        self.resume.setToolTip(
            "Go on where the training of this name ended, with the same settings.\n"
            "The same images must be chosen."
        )
        self.resume.toggled.connect(self._show)
        self.replace = QCheckBox("Replace my model of this name")
        self.replace.setToolTip("Until then, and if you cancel, the old model stays.")
        self.replace.toggled.connect(self._show)
        self.new_name_button = QPushButton("New name")
        self.new_name_button.setToolTip("Propose a name that is free.")
        self.new_name_button.clicked.connect(self._propose_again)
        self._lay_out()
        model_news.changed.connect(self.refresh)
        self.refresh()

    @property
    def name(self) -> str:
        """The name as it was typed, without blanks around it."""
        return str(self.edit.text()).strip()

    @property
    def interrupted(self) -> InterruptedTraining | None:
        """The training that shall go on; None for a new one."""
        return self._interrupted if self.resume.isChecked() else None

    @property
    def problem(self) -> str:
        """Why no model can be made with this name; empty when it can."""
        problem = name_problem(self.name)
        if not problem and self._needs_consent and not self.replace.isChecked():
            problem = f"You have a model {self.name} already: replace it, or choose another name."
        return problem

    def propose(self, wish: str) -> None:
        """Propose a free name, unless the user has typed one.

        The first proposal of all is the name of a training that was interrupted before
        there was a model.
        """
        self._wish = wish
        if self.edit.text() != self._proposed:
            return
        if not self._proposed and self._propose_interrupted():
            return
        self._proposed = free_name(wish, self._ending)
        self.edit.setText(self._proposed)

    def keep(self) -> None:
        """Take the present name for the user's own: it is not replaced by a proposal."""
        self._proposed = ""

    def let_replace(self, name: str) -> None:
        """Let the model of this name be replaced without a question; empty for none."""
        self._replaceable = name
        self.refresh()

    def refresh(self) -> None:
        """Look again at what there is of this name."""
        name = self.name
        found = self._find_interrupted(name) if name and not name_problem(name) else None
        if found is None or self._interrupted is None or found.name != self._interrupted.name:
            self.resume.setChecked(False)
        self._interrupted = found
        self._show()

    @property
    def _needs_consent(self) -> bool:
        # Who lets a training go on wants its model to become better.
        if self.interrupted is not None or (self.name and self.name == self._replaceable):
            return False
        return is_own_name(self.name)

    def _propose_interrupted(self) -> bool:
        own = own_names()
        for name in interrupted_names():
            if name not in own and self._find_interrupted(name) is not None:
                self.edit.setText(name)
                self.resume.setChecked(True)
                return True
        return False

    def _propose_again(self) -> None:
        self._proposed = free_name(self._wish or self.name, self._ending)
        self.edit.setText(self._proposed)

    def _on_edited(self) -> None:
        self.replace.setChecked(False)
        self.refresh()

    def _show(self) -> None:
        problem = name_problem(self.name)
        taken = not problem and self._needs_consent
        self.replace.setVisible(taken)
        self.new_name_button.setVisible(bool(problem or taken))
        self.resume.setVisible(self._interrupted is not None)
        if self._interrupted is not None:
            minutes = self._interrupted.minutes
            done = f" ({duration(60 * minutes)} are done)" if minutes is not None else ""
            self.resume.setText(f"Resume interrupted training{done}")
        self.note.setText(problem)
        self.note.setVisible(bool(problem))
        self.changed.emit()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.edit, 1)
        row.addWidget(self.new_name_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        for widget in (self.note, self.replace, self.resume):
            layout.addWidget(widget)
