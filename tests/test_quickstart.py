"""The set-up on a fresh machine: what it decides, asks of pip and hands on. No downloads."""

import ast
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import setuptools

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"
sys.path.insert(0, str(SCRIPTS))

from _quickstart import environment, plan, stamp  # noqa: E402

WANT = {"python": "3.12", "root": "/there", "requirements": "abc"}
READY = {**WANT, "made_here": True, "state": "ready"}


@pytest.fixture
def quickstart():
    """The names of ``scripts/quickstart.py``."""
    return runpy.run_path(str(SCRIPTS / "quickstart.py"))


# ---- the interpreter


def test_an_old_python_can_read_the_script_that_turns_it_away():
    ast.parse((SCRIPTS / "quickstart.py").read_text(), feature_version=(3, 6))


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 8, 1), (3, 9, 19)])
def test_an_old_python_is_told_what_is_required_and_what_came(quickstart, version):
    with pytest.raises(SystemExit, match=rf"3\.10 or newer.*{version[0]}\.{version[1]}"):
        quickstart["require_python"](version)


@pytest.mark.parametrize("version", [(3, 10, 0), (3, 13, 2), (4, 0, 0)])
def test_a_new_python_is_let_in(quickstart, version):
    assert quickstart["require_python"](version) is None


def test_a_python_without_venv_is_told_which_package_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    with pytest.raises(environment.SetupError, match=rf"apt install python{version}-venv"):
        environment.check_interpreter()


def test_the_system_pip_makes_up_for_a_missing_ensurepip(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name != "ensurepip" or None)
    environment.check_interpreter()


# ---- what to do with a .venv


@pytest.mark.parametrize(
    ("found", "empty", "works", "action"),
    [
        ({}, True, False, "create"),
        (READY, False, True, "reuse"),
        ({**READY, "state": "installing"}, False, True, "repair"),
        ({**READY, "state": "installing"}, False, False, "create"),
        ({**READY, "requirements": "older"}, False, True, "install"),
        ({**READY, "python": "3.11"}, False, True, "create"),
        ({**READY, "root": "/elsewhere"}, False, True, "create"),
        (READY, False, False, "create"),
        ({}, False, True, "repair"),
        ({}, False, False, "refuse"),
        ({**READY, "made_here": False}, False, True, "reuse"),
        ({**READY, "made_here": False}, False, False, "refuse"),
        ({**READY, "made_here": False, "root": "/elsewhere"}, False, True, "install"),
        ({**READY, "made_here": False, "python": "3.11"}, False, True, "reuse"),
    ],
)
def test_only_what_was_made_here_is_ever_made_anew(found, empty, works, action):
    assert stamp.decide(found, WANT, empty, works) == action


def test_a_stamp_survives_being_written(tmp_path):
    stamp.write_stamp(tmp_path, READY)
    assert stamp.read_stamp(tmp_path) == READY
    assert [path.name for path in tmp_path.iterdir()] == ["quickstart.json"]


@pytest.mark.parametrize("text", ["", '{"state": "rea', "[1]", "\x00"])
def test_a_stamp_that_cannot_be_read_counts_as_none(tmp_path, text):
    (tmp_path / "quickstart.json").write_text(text)
    assert stamp.read_stamp(tmp_path) == {}


def test_our_own_files_do_not_make_an_environment(tmp_path):
    (tmp_path / "quickstart.lock").touch()
    assert stamp.is_empty(tmp_path)
    (tmp_path / "pyvenv.cfg").touch()
    assert not stamp.is_empty(tmp_path)


def test_a_change_of_requirements_changes_the_stamp(tmp_path):
    (tmp_path / "setup.py").write_text("one")
    before = plan.wanted_stamp(tmp_path, (3, 11))
    (tmp_path / "setup.py").write_text("two")
    after = plan.wanted_stamp(tmp_path, (3, 11))
    assert before.pop("requirements") != after.pop("requirements")
    assert before == after == {"python": "3.11", "root": str(tmp_path)}


@pytest.mark.parametrize(
    ("windows", "tail"), [(True, ("Scripts", "python.exe")), (False, ("bin", "python"))]
)
def test_the_interpreter_is_where_the_system_puts_it(windows, tail):
    assert stamp.python_of(Path("v"), windows).parts == ("v", *tail)


def test_an_interpreter_that_does_not_run_has_no_version(tmp_path):
    assert stamp.version_of(tmp_path / "bin/python") is None
    assert stamp.version_of(Path(sys.executable)) == sys.version_info[:2]


# ---- what pip is asked


def test_torch_comes_by_plain_name_and_basicsr_does_not_fetch_it_again():
    steps = [step.arguments for step in plan.install_steps((3, 11))]
    assert ("torch>=2.6", "torchvision") in steps
    (toolbox,) = [arguments for arguments in steps if "basicsr==1.4.2" in arguments]
    assert {"--no-build-isolation", "--no-deps", "--use-pep517"} <= set(toolbox)
    assert steps[-1] == ("--no-build-isolation", "-e", ".[dev]")


@pytest.mark.parametrize(
    ("version", "helped"), [((3, 12), False), ((3, 13), True), ((3, 14), True)]
)
def test_only_pythons_that_need_it_build_with_live_locals(version, helped):
    paths = [step.environ.get("PYTHONPATH") for step in plan.install_steps(version)]
    assert paths == [None, str(SCRIPTS / "_quickstart/py313") if helped else None, None, None]


def test_a_bare_exec_fills_the_variables_of_its_function():
    code = "def f():\n    exec('found = 7')\n    return locals()['found']\nprint(f())"
    environ = {**os.environ, "PYTHONPATH": str(SCRIPTS / "_quickstart/py313")}
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, env=environ, text=True) == "7\n"


def test_an_exec_with_its_own_namespace_leaves_the_caller_alone():
    code = "space = {}\nexec('found = 7', space)\nprint(space['found'], 'found' in globals())"
    environ = {**os.environ, "PYTHONPATH": str(SCRIPTS / "_quickstart/py313")}
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, env=environ, text=True) == "7 False\n"


def test_what_leads_out_of_the_environment_is_left_out_and_pips_settings_stay(tmp_path):
    given = {
        "PYTHONPATH": "a",
        "PIP_TARGET": "b",
        "PIP_USER": "1",
        "PIP_INDEX_URL": "c",
        "PATH": "d",
    }
    kept = plan.clean_environ(given, tmp_path)
    programs = str(stamp.python_of(tmp_path).parent)
    assert not {"PYTHONPATH", "PIP_TARGET"} & kept.keys()
    assert (kept["PIP_USER"], kept["PIP_INDEX_URL"]) == ("0", "c")
    assert kept["PATH"] == programs + os.pathsep + "d"


# ---- the command


def test_a_finished_environment_is_reused_without_a_word_to_pip(tmp_path, monkeypatch, capsys):
    venv = tmp_path / ".venv"
    subprocess.check_call([sys.executable, "-m", "venv", "--without-pip", str(venv)])
    (tmp_path / "setup.py").write_text("")
    want = plan.wanted_stamp(tmp_path, sys.version_info[:2])
    stamp.write_stamp(venv, {**want, "made_here": True, "state": "ready"})
    monkeypatch.setattr(environment, "installed_versions", lambda python: "torch 2.15.0")
    monkeypatch.setattr(environment, "_lock", lambda *a: pytest.fail("it set up again"))
    assert environment.prepare(tmp_path) == stamp.python_of(venv)
    assert "is ready: torch 2.15.0" in capsys.readouterr().out


def test_a_foreign_folder_is_neither_used_nor_touched(tmp_path):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/precious").write_text("mine")
    (tmp_path / "setup.py").write_text("")
    with pytest.raises(environment.SetupError, match="not made by this script"):
        environment.prepare(tmp_path)
    assert (tmp_path / ".venv/precious").read_text() == "mine"


def test_a_file_in_the_place_of_the_environment_is_named(tmp_path):
    (tmp_path / ".venv").write_text("")
    (tmp_path / "setup.py").write_text("")
    with pytest.raises(environment.SetupError, match=r"\.venv"):
        environment.prepare(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "job"),
    [
        (["test", "-k", "x"], ["-m", "pytest", "-k", "x"]),
        ([], ["scripts/demo.py"]),
        (["tset"], ["scripts/demo.py", "tset"]),
    ],
)
def test_arguments_are_handed_to_the_job_and_its_exit_code_back(
    quickstart, monkeypatch, arguments, job
):
    monkeypatch.setattr(environment, "prepare", lambda: Path("py"))
    monkeypatch.setattr(environment, "run_job", lambda python, given: 7 if given == job else 1)
    assert quickstart["main"](arguments) == 7


def test_the_set_up_alone_runs_no_job(quickstart, monkeypatch):
    monkeypatch.setattr(environment, "prepare", lambda: Path("py"))
    monkeypatch.setattr(environment, "run_job", lambda *given: pytest.fail("it ran a job"))
    assert quickstart["main"](["setup"]) == 0


def test_a_failed_set_up_is_told_without_a_traceback(quickstart, monkeypatch, capsys):
    def fail():
        raise environment.SetupError("the disk is full")

    monkeypatch.setattr(environment, "prepare", fail)
    assert quickstart["main"]([]) == 1
    assert capsys.readouterr().err == "\nthe disk is full\n"


def test_a_job_runs_in_the_checkout(tmp_path):
    (tmp_path / "job.py").write_text(
        "import os, pathlib; pathlib.Path('here').touch(); os._exit(4)"
    )
    assert environment.run_job(Path(sys.executable), ["job.py"], tmp_path) == 4
    assert (tmp_path / "here").exists()


def test_a_missing_job_is_named(tmp_path):
    with pytest.raises(environment.SetupError, match=r"demo\.py is missing"):
        environment.run_job(Path(sys.executable), ["scripts/demo.py"], tmp_path)


# ---- metadata


def test_the_package_declares_every_dependency_it_imports(monkeypatch):
    declared = {}
    monkeypatch.setattr(setuptools, "setup", declared.update)
    runpy.run_path(str(ROOT / "setup.py"))
    extras = [needs for name, needs in declared["extras_require"].items() if name != "dev"]
    entries = sum(extras, declared["install_requires"])
    names = {re.split(r"[<>=~!\[]", entry)[0] for entry in entries}
    known_as = {
        "cv2": "opencv-python",
        "yaml": "pyyaml",
        "PIL": "pillow",
        "pillow_heif": "pillow-heif",
        "pkg_resources": "setuptools",
        "rerun": "rerun-sdk",
        # Gradio is made of these three.
        "fastapi": "gradio",
        "starlette": "gradio",
        "uvicorn": "gradio",
    }
    imported = set()
    for path in (ROOT / "stdnet_arch").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.split(".")[0])
    # PyTorch brings Triton along where it has CUDA; without it other backends do the work.
    foreign = imported - set(sys.stdlib_module_names) - {"stdnet_arch", "triton"}
    assert {known_as.get(name, name) for name in foreign} <= names
    assert {"torch", "basicsr", "numpy"} <= foreign
