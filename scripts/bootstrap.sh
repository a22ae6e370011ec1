#!/usr/bin/env bash
# Makes .venv and looks after the system packages that Qt and the virtual display need.
#
#   scripts/bootstrap.sh run    what `make demo` needs: the plugin and napari with Qt
#   scripts/bootstrap.sh test   what `make test` needs: that, the development group, and Xvfb
#
# A second run is fast: a stamp in .venv holds the checksum of all that decides what is installed.
# Environment: PYTHON (which Python makes .venv), and whatever pip itself reads (PIP_INDEX_URL,
# PIP_EXTRA_INDEX_URL, ...).
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
purpose=${1:?"usage: scripts/bootstrap.sh run|test"}
venv=.venv

say() { printf '%s\n' "inpaintaff setup: $*" >&2; }
fail() { say "$@"; exit 1; }

# ---------------------------------------------------------------- system packages (Debian, Ubuntu)

# "shared library, package": looked up by library, because package names change between releases.
qt_libraries="
libGL.so.1 libgl1
libEGL.so.1 libegl1
libglib-2.0.so.0 libglib2.0-0
libxkbcommon.so.0 libxkbcommon0
libxkbcommon-x11.so.0 libxkbcommon-x11-0
libxcb-cursor.so.0 libxcb-cursor0
libxcb-icccm.so.4 libxcb-icccm4
libxcb-image.so.0 libxcb-image0
libxcb-keysyms.so.1 libxcb-keysyms1
libxcb-randr.so.0 libxcb-randr0
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0 libxcb-shape0
libxcb-xinerama.so.0 libxcb-xinerama0
libxcb-xkb.so.1 libxcb-xkb1
libdbus-1.so.3 libdbus-1-3
libfontconfig.so.1 libfontconfig1
"

has_display() { [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; }

missing_packages() {
  local known library package
  if [ "$purpose" = test ] || has_display; then
    known=$(ldconfig -p 2>/dev/null || /sbin/ldconfig -p)
    while read -r library package; do
      [ -z "$library" ] || [[ "$known" == *"$library "* ]] || echo "$package"
    done <<<"$qt_libraries"
    dpkg-query -W libgl1-mesa-dri >/dev/null 2>&1 || echo libgl1-mesa-dri
  fi
  if [ "$purpose" = test ]; then
    command -v xvfb-run >/dev/null || echo xvfb
    command -v xauth >/dev/null || echo xauth
  fi
  if [ -z "$python" ]; then
    echo python3 python3-venv
  elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo python3-venv
  fi
}

install_system_packages() {
  local wanted root=""
  wanted=$(missing_packages | tr '\n' ' ')
  [ -n "${wanted// /}" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      root="sudo -n"
    else
      fail "these system packages are missing; install them and run this again:" \
        "sudo apt-get install $wanted"
    fi
  fi
  say "installing the missing system packages: $wanted"
  # shellcheck disable=SC2086  # several words on purpose
  {
    $root apt-get update -qq
    $root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends $wanted >/dev/null
  } || fail "apt-get could not install: $wanted"
}

# ---------------------------------------------------------------- Python

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
}

checksum() {
  { cat pyproject.toml constraints.txt scripts/bootstrap.sh; pwd; echo "$1"; } | cksum
}

is_installed() {
  [ -f "$venv/.stamp-$1" ] && [ "$(cat "$venv/.stamp-$1")" = "$(checksum "$1")" ] &&
    "$venv/bin/python" -c '' 2>/dev/null
}

install_python_packages() {
  local pip="$venv/bin/python -m pip --disable-pip-version-check"
  if is_installed test || is_installed "$purpose"; then return 0; fi
  if ! "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
  then
    say "making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
  fi
  say "installing Python packages (the first time, this downloads PyTorch, napari and Qt)"
  $pip install -q -c constraints.txt --upgrade pip
  case $purpose in
    run) $pip install -q -c constraints.txt -e . "napari[pyqt6]" ;;
    test) $pip install -q -c constraints.txt -e . --group dev ;;
  esac
  checksum "$purpose" >"$venv/.stamp-$purpose"
}

case $purpose in run | test) ;; *) fail "unknown purpose $purpose: use run or test" ;; esac
python=$(find_python)
if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
  install_system_packages
  [ -n "$python" ] || python=$(find_python)
elif [ "$purpose" = test ] && [ "$(uname)" = Linux ] && ! command -v xvfb-run >/dev/null; then
  fail "xvfb-run is missing; install Xvfb with the package manager of this system"
fi
[ -n "$python" ] || fail "Python 3.11 or newer is needed; install it, or set PYTHON=/path/to/python"
install_python_packages
