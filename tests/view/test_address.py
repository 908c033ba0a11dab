"""Addresses of the page: what is wrong with one is said in a line."""

import re
import socket
import urllib.request

import pytest
from fastapi import FastAPI

pytest.importorskip("gradio", reason="needs the extra [view]: pip install -e .[view]")

from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.view.address import listen
from stdnet_arch.view.command import main
from stdnet_arch.view.server import serve

LOOPBACK = "127.0.0.1"


def test_a_server_listens_where_it_says():
    app = FastAPI()
    app.get("/")(lambda: "here")
    server = serve(app, LOOPBACK, 0)
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{server.port}/", timeout=60) as answer:
            assert answer.read() == b'"here"'
    finally:
        server.stop()


def test_a_port_that_is_taken_is_told_with_what_helps():
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=rf"{LOOPBACK}:{port}: another program does; .*--port"):
            serve(FastAPI(), LOOPBACK, port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_of_another_machine_is_told(host):
    with pytest.raises(OSError, match=f"{host} is no address of this machine"):
        listen(host, 0)


@pytest.mark.parametrize("port", [-1, 65536])
def test_what_is_no_port_is_refused(port):
    with pytest.raises(InputError, match=f"from 0 .any free one. to 65535; got {port}"):
        listen(LOOPBACK, port)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "70000"], "--port must be a number .*; got 70000"),
        (["--max-upload", "0"], "--max-upload must be at least 1 .MB.; got 0"),
        (["nothere"], "expected a file or folder at nothere"),
    ],
)
def test_a_wrong_option_of_the_page_is_named_alone(capsys, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(message, line)
