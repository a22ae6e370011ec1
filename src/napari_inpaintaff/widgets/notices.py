"""Tell the user what went wrong, without a traceback window."""

from __future__ import annotations

import logging

from napari.utils.notifications import show_error

from napari_inpaintaff.errors import InpaintAffError, InstallationError

logger = logging.getLogger(__name__)


def failure_message(error: BaseException) -> str:
    """Put an error into one line.

    Parameters
    ----------
    error : Exception
        An `InpaintAffError` speaks for itself; of anything else the type is
        named too, because it is a bug or a lack of memory.

    Returns
    -------
    str
    """
    text = " ".join(str(error).split())
    if isinstance(error, InpaintAffError) and text:
        return text
    kind = type(error).__name__
    if kind in ("MemoryError", "OutOfMemoryError"):
        return "Not enough memory: close other programs, or use fewer or smaller images."
    return f"Unexpected {kind}: {text}" if text else f"Unexpected {kind}"


def notify_failure(error: BaseException) -> str:
    """Show an error as a notification and log its traceback.

    Parameters
    ----------
    error : Exception
        What was raised.

    Returns
    -------
    str
        The line that was shown.
    """
    message = failure_message(error)
    if not isinstance(error, InpaintAffError):
        logger.error(message, exc_info=error)
    show_error(message)
    return message


def notify_lack(error: BaseException) -> None:
    """Show why nothing will work here, and keep silent about anything else.

    For what is prepared while nobody asked for it: other errors are met again, and
    reported, when it is asked for.
    """
    if isinstance(error, InstallationError):
        notify_failure(error)
