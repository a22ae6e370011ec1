# make demo      the main job on the built-in sample: labels, affinities and a picture in demo/
# make test      ruff, mypy, the plugin manifest, and all tests that take seconds
# make test-all  the same with the tests that take minutes, and the wheel
# make format    let ruff put the code in order
# make wheel     build the wheel into dist/ and look into it
# make clean     remove what these made
#
# Each makes the environment it needs in .venv, see scripts/bootstrap.sh.

BIN := .venv/bin
# The tests open real napari windows: on Linux in a virtual display, drawn by software.
ifeq ($(shell uname),Linux)
XVFB := env -u QT_QPA_PLATFORM -u WAYLAND_DISPLAY LIBGL_ALWAYS_SOFTWARE=1 QT_QPA_PLATFORM=xcb \
	xvfb-run -a -s "-screen 0 1600x1200x24"
endif

# Files of tests side by side, each process with one thread: more would get in each other's way.
TESTS := OMP_NUM_THREADS=1 $(XVFB) $(BIN)/python -m pytest -q -n logical --maxprocesses 4 --dist loadfile

.PHONY: demo test test-all lint format wheel clean

demo:
	@scripts/bootstrap.sh run
	$(BIN)/inpaintaff demo -o demo

test: lint
	$(TESTS) -m "not slow"

test-all: lint wheel
	$(TESTS)

lint:
	@scripts/bootstrap.sh test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/npe2 validate src/napari_inpaintaff/napari.yaml

format:
	@scripts/bootstrap.sh test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

wheel:
	@scripts/bootstrap.sh test
	rm -rf build dist
	$(BIN)/python -m pip wheel -q --no-deps -w dist .
	$(BIN)/python scripts/check_wheel.py dist/*.whl

clean:
	rm -rf .venv build dist demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
