"""Coverage-guided fuzzing of the readers of models and sessions; needs ``pip install atheris``.

    python tests/fuzz/atheris_readers.py READER FOLDER -max_total_time=300

FOLDER collects inputs that reach new code; it may be empty. What follows goes to libFuzzer. Ends at
the first crash, hang or exception that is no InpaintAffError, and writes the input to a file.
"""

from __future__ import annotations

import logging
import random
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["napari_inpaintaff", "zipfile", "json", "yaml"]):
    import napari_inpaintaff.images
    import napari_inpaintaff.inpainting.checkpoint
    import napari_inpaintaff.networks.model_file
    import napari_inpaintaff.partition.corrections
    import napari_inpaintaff.separation
    import napari_inpaintaff.session
    import napari_inpaintaff.sharing.importing  # noqa: F401
    from napari_inpaintaff.errors import InpaintAffError

from fuzz_mutations import damage
from fuzz_targets import TARGETS


def main() -> None:
    """Fuzz one reader."""
    name, corpus, *options = sys.argv[1:]
    target = TARGETS[name]
    logging.disable()
    warnings.simplefilter("ignore")
    for number, files in enumerate(target.seeds()):
        if list(files) == [""]:
            (Path(corpus) / f"seed{number}").write_bytes(files[""])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "run" / "in"

        def one_input(content: bytes) -> None:
            place.mkdir(parents=True, exist_ok=True)
            try:
                target.read(target.write({"": content}, place))
            except InpaintAffError as error:
                if "\n" in str(error):
                    raise ValueError("a message of several lines") from error

        def mutated(content: bytes, most: int, seed: int) -> bytes:
            draw = random.Random(seed)
            if draw.random() < 0.3:
                return bytes(atheris.Mutate(content, most))
            # Behind checksums, where single bytes lead nowhere.
            return damage({"": content}, draw)[""][:most]

        atheris.Setup([sys.argv[0], corpus, *options], one_input, custom_mutator=mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
