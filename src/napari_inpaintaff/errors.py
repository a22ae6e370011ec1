"""The errors whose message is meant for the user.

The command line prints such a message as one line and exits with code 2; the
widgets show it as a notification. Anything else that is raised is a bug.
"""


class InpaintAffError(Exception):
    """Base of all errors with a message that says what is wrong and what to do."""


class ImageError(InpaintAffError, ValueError):
    """An image, mask or label image cannot be read or used."""


class ParameterError(InpaintAffError, ValueError):
    """A parameter has a value that cannot work."""


class ModelFileError(InpaintAffError):
    """A model file is missing, damaged, of another version or not ours."""


class OutputError(InpaintAffError, OSError):
    """A result cannot be written."""


class DeviceError(InpaintAffError, RuntimeError):
    """A device is not available or ran out of memory."""


class InstallationError(InpaintAffError, ImportError):
    """A library that the program needs is missing or cannot be loaded."""
