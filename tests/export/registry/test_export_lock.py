"""One export of a version at a time, and folders that are looked at before the long work."""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from export.errors import ExportError
from export.recipe.recipe import Recipe
from export.registry import disk
from export.registry.disk import full_disk_named, require_room
from export.registry.export_lock import exclusive


@pytest.fixture
def folders(tmp_path):
    return tmp_path / "models", tmp_path / "work"


def test_a_second_export_of_a_version_is_refused_with_the_process_that_holds_it(folders):
    with exclusive("mail", 1, *folders):
        said = rf"^mail version 1 is being exported by process {os.getpid()}, since \d\d:\d\d .*wait until"
        with pytest.raises(ExportError, match=said), exclusive("mail", 1, *folders):
            raise AssertionError
        with exclusive("mail", 2, *folders), exclusive("mail-1", 1, *folders):
            pass
        # the repository alone, or the work folder alone, is held as well
        for other in ((folders[0], folders[1] / "other"), (folders[0] / "other", folders[1])):
            with pytest.raises(ExportError, match="is being exported"), exclusive("mail", 1, *other):
                raise AssertionError
    assert not folders[0].exists()
    assert not folders[1].exists()
    with exclusive("mail", 1, *folders):
        pass


def hold(repository, work, held, over):
    with exclusive("mail", 1, repository, work):
        held.set()
        over.wait()


def test_the_lock_goes_with_the_process_however_it_ends(folders):
    context = multiprocessing.get_context("spawn")
    held, over = context.Event(), context.Event()
    process = context.Process(target=hold, args=(*folders, held, over))
    process.start()
    assert held.wait(60)
    with pytest.raises(ExportError, match=f"by process {process.pid}"), exclusive("mail", 1, *folders):
        raise AssertionError
    process.kill()
    process.join()
    with exclusive("mail", 1, *folders):
        pass


@pytest.mark.parametrize("option", ["--repository", "--work"])
def test_a_folder_that_cannot_be_written_is_named_with_its_option(tmp_path, option):
    file = tmp_path / "file"
    file.write_text("")
    bad = file / "folder"  # whoever runs the tests may write everywhere else
    folders = (bad, tmp_path / "other") if option == "--repository" else (tmp_path / "other", bad)
    said = rf"^{bad} cannot be written \(Not a directory\): make .* another folder with {option}$"
    with pytest.raises(ExportError, match=said), exclusive("mail", 1, *folders):
        raise AssertionError
    assert not (tmp_path / "other").exists()


def test_too_little_room_is_said_before_the_work(write_recipe, tmp_path, monkeypatch):
    recipe = Recipe.read(write_recipe(precision="int8"))
    require_room(recipe, 1000, tmp_path, tmp_path)
    with pytest.raises(ExportError, match=rf"{tmp_path} has [\d,]+ MB free, and this export needs 1,500,000,008 MB at least"):
        require_room(recipe, 10**15, tmp_path, tmp_path)


def test_a_disk_that_ran_full_is_named_whatever_a_library_says_of_it(tmp_path, monkeypatch):
    with pytest.raises(RuntimeError, match="weird"), full_disk_named([tmp_path]):
        raise RuntimeError("weird")
    said = f"^{tmp_path}/x: No such file or directory; the repository is as it was$"
    with pytest.raises(ExportError, match=said), full_disk_named([tmp_path]):
        (tmp_path / "x").read_bytes()
    monkeypatch.setattr(disk, "FULL_BYTES", 1 << 62)
    said = f"^the disk of {tmp_path} is full: make room, .* the repository is as it was$"
    with pytest.raises(ExportError, match=said), full_disk_named([tmp_path]):
        raise RuntimeError("weird")


def test_ctrl_c_during_the_imports_and_a_missing_package_are_one_sentence_each(tmp_path):
    root = Path(__file__).parents[3]
    early = (
        "import sys, export.__main__ as m, builtins\nreal = __import__\ndef stop(name, *a, **k):\n    if name.startswith('{}'): raise {}\n"
    )
    early += "    return real(name, *a, **k)\nbuiltins.__import__ = stop\nsys.exit(m.main(['list']))"
    for name, fault, code, said in (
        ("pydantic", "KeyboardInterrupt", 130, "export: interrupted; the repository is as it was\n"),
        ("tritonclient", "ModuleNotFoundError('no', name='tritonclient')", 1, f"export: this Python ({sys.executable}) has no package"),
    ):
        done = subprocess.run([sys.executable, "-c", early.format(name, fault)], cwd=root, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr[: len(said)]) == (code, said)
