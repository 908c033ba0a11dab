"""Time, memory and the machine."""

import json
import platform
import re
import time
from pathlib import Path

import torch

from stdnet_arch.evaluation import measuring
from stdnet_arch.evaluation.measuring import describe_machine, resident_mb, time_run
from stdnet_arch.utils import device


def test_it_is_plain_and_names_what_matters():
    said = json.loads(json.dumps(describe_machine()))
    assert said["torch"] == torch.__version__
    assert said["threads"] == torch.get_num_threads()
    assert all(value not in ("", None) for value in said.values())


def test_neither_kernel_nor_host_is_said():
    said = json.dumps(describe_machine())
    assert platform.release() not in said
    assert platform.node() not in said


def test_no_published_report_holds_a_kernel_s_version():
    docs = Path(__file__).parents[2] / "docs"
    pages = [*docs.rglob("*.md"), *docs.rglob("*.html"), docs.parent / "README.md"]
    kernel = re.compile(r"Linux-\d|-generic\b|glibc\d|#\d+ SMP")
    assert [page.name for page in pages if kernel.search(page.read_text())] == []
    assert len(pages) > 10


def test_the_model_of_the_processor_is_read(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast: 9000\n")
    monkeypatch.setattr(device, "CPU_INFO", tmp_path / "cpuinfo")
    assert describe_machine()["processor"] == "Fast: 9000"


def test_the_largest_is_not_below_what_is_now():
    assert resident_mb(peak=True) >= resident_mb(peak=False) > 10


def test_other_systems_are_asked_otherwise(monkeypatch, tmp_path):
    expected = resident_mb(peak=True)
    monkeypatch.setattr(measuring, "PROC", tmp_path)
    assert resident_mb(peak=True) > 0.5 * expected


def test_sleep_takes_time_and_no_processor():
    elapsed = time_run(lambda: time.sleep(0.05), torch.device("cpu"))
    assert elapsed.seconds >= 0.05 > 0.04 > elapsed.cpu_seconds >= 0
