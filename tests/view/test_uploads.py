"""Uploads are bounded and checked before anything is unpacked; what is refused goes."""

import io
import shutil
import zipfile

import pytest

from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.view import uploads as module
from stdnet_arch.view.uploads import take_uploads

MB = 1_000_000


def zipped(path, contents):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


def incoming(tmp_path, name, data):
    folder = tmp_path / "incoming"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return folder / name


def test_a_file_moves_to_its_visitor(tmp_path):
    path = incoming(tmp_path, "depth.npy", b"123")
    kept = take_uploads([path], tmp_path / "mine", MB)
    assert kept == tmp_path / "mine/depth.npy"
    assert kept.read_bytes() == b"123"
    assert not path.exists()


def test_many_files_become_a_folder(tmp_path):
    paths = [incoming(tmp_path, f"{i}.png", b"x") for i in range(3)]
    kept = take_uploads(paths, tmp_path / "mine", MB)
    assert sorted(path.name for path in kept.iterdir()) == ["0.png", "1.png", "2.png"]


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"../../up.png": b"x"}, "must stay in its folder"),
        ({"/etc/cron.d/x": b"x"}, "must stay in its folder"),
        ({"a\\..\\..\\x.png": b"x"}, "must stay in its folder"),
        ({"bomb.npy": b"\0" * (50 * MB)}, "50.0 MB unpacked"),
    ],
)
def test_a_hostile_zip_is_refused_and_deleted(tmp_path, contents, message):
    path = zipped(incoming(tmp_path, "clip.zip", b""), contents)
    assert path.stat().st_size < MB
    with pytest.raises(InputError, match=message):
        take_uploads([path], tmp_path / "mine", 10 * MB)
    assert not path.exists()
    assert not (tmp_path / "mine").exists()


def test_a_broken_zip_is_refused(tmp_path):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a.png", b"x" * 1000)
    path = incoming(tmp_path, "clip.zip", data.getvalue()[:300])
    with pytest.raises(ValueError, match="expected a readable zip file"):
        take_uploads([path], tmp_path / "mine", MB)


def test_a_visitor_has_a_bound_for_all_files(tmp_path):
    paths = [incoming(tmp_path, f"{i}.npy", b"x" * 600_000) for i in range(2)]
    with pytest.raises(InputError, match="--max-upload"):
        take_uploads(paths, tmp_path / "mine", MB)
    assert not any(path.exists() for path in paths)


def test_a_full_disk_takes_no_upload(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "KEPT_BYTES", shutil.disk_usage(tmp_path).total)
    with pytest.raises(InputError, match="MB free"):
        take_uploads([incoming(tmp_path, "a.npy", b"x")], tmp_path / "mine", MB)


def test_a_link_to_a_device_is_no_upload(tmp_path):
    path = tmp_path / "depth.npy"
    path.symlink_to("/dev/zero")
    with pytest.raises(InputError, match="regular file"):
        take_uploads([path], tmp_path / "mine", MB)
