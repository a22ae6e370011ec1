"""``python -m napari_inpaintaff`` is the command ``inpaintaff``."""

import sys

from napari_inpaintaff.cli import main

if __name__ == "__main__":
    sys.exit(main())
