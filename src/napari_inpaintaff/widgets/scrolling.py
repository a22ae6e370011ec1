"""A scroll area for dock widgets."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QScrollArea, QVBoxLayout, QWidget


class VerticalScrollArea(QScrollArea):
    """Scrolls when the window is low, and is always wide enough for what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def minimumSizeHint(self) -> QSize:
        """As wide as the contents and the bar, as low as the window wants."""
        return QSize(self._width(), super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        """As wide as the contents and the bar."""
        return QSize(self._width(), super().sizeHint().height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the contents when they get wider."""
        # The theme changes fonts and margins after the fields were made.
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return bool(super().eventFilter(watched, event))

    def _width(self) -> int:
        bar = self.verticalScrollBar().sizeHint().width()
        # The themes give scroll areas a border, whatever the frame's shape is.
        border = 2 * self.frameWidth()
        return int(self.widget().minimumSizeHint().width() + bar + border)


def scroll_all(dock: QWidget, *parts: QWidget) -> VerticalScrollArea:
    """Fill a dock widget with parts, one below the other, that scroll together."""
    contents = QWidget()
    inner = QVBoxLayout(contents)
    for part in parts:
        inner.addWidget(part)
    inner.addStretch()
    scroll = VerticalScrollArea()
    scroll.setWidget(contents)
    layout = QVBoxLayout(dock)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(scroll)
    return scroll
