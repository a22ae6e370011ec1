"""scripts/bootstrap.sh on machines that lack this and that, played by stand-in commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "bootstrap.sh"
QUIET = "exit 0"

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the stand-ins play a Debian machine"
)


class Machine:
    """A folder with a copy of the script, and a PATH of stand-ins only."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.log.touch()
        self.commands = folder / "bin"
        self.commands.mkdir()
        self.checkout = folder / "checkout"
        (self.checkout / "scripts").mkdir(parents=True)
        shutil.copy(SCRIPT, self.checkout / "scripts")
        for name in ("pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, self.checkout)
        for tool in ("bash", "cat", "cksum", "tr", "dirname", "uname", "env", "mkdir", "cp"):
            (self.commands / tool).symlink_to(shutil.which(tool))
        self.command("python3", self._python())
        self.command("dpkg-query", QUIET)
        self.command("apt-get", f'echo "apt-get $*" >> {self.log}')
        self.command("id", "echo 0")
        self.command("ldconfig", f"cat {folder}/libraries")
        self.libraries = folder / "libraries"
        self.libraries.write_text(
            "".join(f"\t{name} (libc6,x86-64) => /lib/{name}\n" for name in self._libraries())
        )
        for name in ("xvfb-run", "xauth"):
            self.command(name, QUIET)

    def command(self, name: str, body: str) -> None:
        path = self.commands / name
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)

    def _python(self) -> str:
        """A Python that can make an environment with a copy of itself, and logs pip."""
        return (
            'case "$1 $2" in\n'
            f'  "-m venv") mkdir -p "$4/bin"; cp {self.commands}/python3 "$4/bin/python";;\n'
            f'  "-m pip") echo "pip ${{*:4}}" >> {self.log};;\n'
            '  "--version ") echo "Python 3.12.0";;\n'
            "esac\nexit 0"
        )

    @staticmethod
    def _libraries() -> list[str]:
        return [line.split()[0] for line in SCRIPT.read_text().splitlines() if line[:3] == "lib"]

    def run(self, purpose: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.commands / "bash", self.checkout / "scripts" / "bootstrap.sh", purpose],
            env={"PATH": str(self.commands), **environment},
            capture_output=True,
            text=True,
        )

    def logged(self) -> list[str]:
        lines = self.log.read_text().splitlines()
        self.log.write_text("")
        return lines


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_complete_machine_needs_pip_only_and_only_once(machine):
    assert machine.run("test").returncode == 0
    lines = machine.logged()
    assert lines == [
        "pip install -q -c constraints.txt --upgrade pip",
        "pip install -q -c constraints.txt -e . --group dev",
    ]
    second = machine.run("test")
    assert (second.returncode, second.stderr, machine.logged()) == (0, "", [])
    # What the tests need contains what the demo needs.
    assert machine.run("run").returncode == 0
    assert machine.logged() == []


def test_changed_pins_are_installed(machine):
    machine.run("run")
    assert machine.logged()[1] == "pip install -q -c constraints.txt -e . napari[pyqt6]"
    with (machine.checkout / "constraints.txt").open("a") as file:
        file.write("tqdm==4.0\n")
    machine.run("run")
    assert len(machine.logged()) == 2


def test_missing_packages_are_installed_as_root(machine):
    (machine.commands / "xvfb-run").unlink()
    machine.libraries.write_text(machine.libraries.read_text().replace("libxcb-cursor", "x"))
    done = machine.run("test")
    assert done.returncode == 0
    update, install, *_ = machine.logged()
    assert update == "apt-get update -qq"
    assert install.startswith("apt-get install -y")
    assert install.split()[-2:] == ["libxcb-cursor0", "xvfb"]


def test_sudo_without_password_will_do(machine):
    machine.command("id", "echo 1000")
    machine.command("sudo", f'echo "sudo $*" >> {machine.log}')
    (machine.commands / "xauth").unlink()
    assert machine.run("test").returncode == 0
    assert "sudo -n apt-get update -qq" in machine.logged()


def test_without_rights_the_command_is_said(machine):
    machine.command("id", "echo 1000")
    (machine.commands / "xvfb-run").unlink()
    done = machine.run("test")
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].endswith("sudo apt-get install xvfb ")
    assert machine.logged() == []


def test_demo_without_display_needs_no_display_libraries(machine):
    machine.libraries.write_text("")
    (machine.commands / "xvfb-run").unlink()
    assert machine.run("run").returncode == 0
    assert not any(line.startswith("apt-get") for line in machine.logged())
    assert machine.run("run", DISPLAY=":0").returncode == 0
    assert any("libxcb-cursor0" in line for line in machine.logged())


def test_no_python_is_said(machine):
    (machine.commands / "python3").unlink()
    done = machine.run("test")
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr
    assert any("python3-venv" in line for line in machine.logged())


def test_old_python_is_said(machine):
    machine.command("python3", "exit 1")
    assert "Python 3.11 or newer is needed" in machine.run("test").stderr


def test_continuous_integration_runs_the_test_command_of_the_readme():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["exec make test"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "$ make test" in (ROOT / "README.md").read_text(encoding="utf8")


def test_pins_name_no_machine():
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    assert all("==" in pin for pin in pins if not pin.startswith("#"))
    assert not any(mark in pin for pin in pins for mark in ("+", "@", "/opt", "file:", "://"))
