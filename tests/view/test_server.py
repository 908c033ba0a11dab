"""The server answers visitors with what is theirs, and names no other server."""

import io
import re
import zipfile

import numpy as np
import pytest

pytest.importorskip("gradio", reason="needs the extra [view]: pip install -e .[view]")

import cv2
from fastapi.testclient import TestClient

from stdnet_arch.view.command import allowed_hosts, build_parser
from stdnet_arch.view.desk import JobForm
from stdnet_arch.view.server import FOREIGN


@pytest.fixture
def client(served):
    with TestClient(served.app) as made:
        yield made


@pytest.fixture
def token(served, finished):
    """The address of a visitor who looks at a finished result."""
    job, _, _ = finished
    session = served.sessions.of("one")
    assert served.desk.open(session, JobForm(str(job.output))).error == ""
    return session.token


def test_the_page_loads_nothing_from_elsewhere(client):
    text = client.get("/", headers={"Accept-Encoding": "br, gzip"}).text
    places = re.findall(r"""\b(?:src|href|content|action)=["']([^"']+)["']""", text)
    assert len(places) > 5
    assert [place for place in places if "//" in place] == []
    styles = client.get("/theme.css").text + client.get("/look-assets/viewer.css").text
    assert re.findall(r"url\(\s*['\"]?https?:", styles) == []


def test_every_answer_keeps_the_browser_at_home(client, token):
    for path in ("/", "/theme.css", f"/look/{token}", f"/look/{token}/clip.json", "/nothing"):
        policy = client.get(path).headers["content-security-policy"]
        assert policy.startswith("default-src 'self'")
        assert "http" not in policy


def test_tags_of_other_servers_are_found_and_no_others():
    page = (
        b'<link rel="a" href="https://x.org/"><meta content=\'//y.org/z\'><link href="./own.css">'
    )
    assert FOREIGN.sub(b"", page) == b'<link href="./own.css">'


def test_nothing_is_reported_to_anybody(client):
    config = client.get("/config").json()
    assert config["analytics_enabled"] is False


def test_a_strange_name_of_the_server_is_refused(client):
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_a_server_for_this_machine_answers_to_its_names_alone():
    assert "*" not in allowed_hosts("127.0.0.1")
    assert allowed_hosts("192.168.1.7")[-1] == "192.168.1.7"
    assert build_parser().parse_args([]).share_on is None


def test_a_clip_is_described(client, token):
    said = client.get(f"/look/{token}/clip.json").json()
    assert (said["made"], said["done"], said["size"]) == (5, True, [16, 24])
    assert said["views"] == ["RGB", "LR depth", "bilinear", "prediction", "truth", "error"]


def test_pictures_slices_and_values_come_from_the_clip(client, served, token):
    clip = served.sessions.of("one").shown
    picture = client.get(f"/look/{token}/picture/1/LR depth").content
    np.testing.assert_array_equal(decoded(picture), clip.picture("LR depth", 1))
    drawn = client.get(f"/look/{token}/slice/1/9/prediction")
    np.testing.assert_array_equal(decoded(drawn.content), clip.slice("prediction", 9, 1)[0])
    assert client.get(f"/look/{token}/values/1/3/9").json() == clip.values(1, 3, 9)


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), -1)[..., ::-1]


def test_the_zip_holds_the_files_of_the_result(client, token, finished):
    job, _, _ = finished
    packed = zipfile.ZipFile(io.BytesIO(client.get(f"/look/{token}/result.zip").content))
    assert packed.testzip() is None
    files = {path for path in job.output.rglob("*") if path.is_file()}
    assert {name: packed.read(name) for name in packed.namelist()} == {
        str(path.relative_to(job.output)): path.read_bytes() for path in files
    }


def test_a_frame_is_sent_as_it_was_written(client, token, finished):
    job, _, _ = finished
    sent = client.get(f"/look/{token}/file/d_0002.png").content
    assert sent == (job.output / "d_0002.png").read_bytes()


@pytest.mark.parametrize(
    "name", ["../bilinear.pth", "%2e%2e/bilinear.pth", "/etc/passwd", "errors"]
)
def test_no_other_file_is_sent(client, token, name):
    assert client.get(f"/look/{token}/file/{name}").status_code in {400, 404}


def test_nobody_sees_a_clip_without_its_address(client, served, token):
    other = served.sessions.of("two").token
    for wrong in (other, token[:-1], "x"):
        assert client.get(f"/look/{wrong}/clip.json").status_code == 404
        assert client.get(f"/look/{wrong}/result.zip").status_code == 404


def test_what_cannot_be_shown_is_told_in_one_line(client, token):
    answer = client.get(f"/look/{token}/picture/99/RGB")
    assert answer.status_code == 400
    assert answer.json()["error"] == "error: the clip has frames 0 to 4; got 99"


def test_an_address_is_written_into_the_page_as_text(client):
    assert "<script>alert" not in client.get("/look/<script>alert(1)<").text


def test_a_large_upload_is_refused_while_it_comes(client):
    files = {"files": ("big.npy", b"x" * 6_000_000)}
    assert client.post("/gradio_api/upload", files=files).status_code == 413
