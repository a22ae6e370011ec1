"""Word of new models, to every open dock widget of the process."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal


class ModelNews(QObject):
    """Tells that the user's models are others now."""

    #: A model was added or replaced; listeners list the models anew.
    changed = Signal()


#: The only one. Qt forgets listeners that are deleted.
model_news = ModelNews()
