"""What a measurement was made on."""

import json

import torch

from stdnet_arch.evaluation import machine
from stdnet_arch.evaluation.machine import describe_machine


def test_it_is_plain_and_names_what_matters():
    said = json.loads(json.dumps(describe_machine()))
    assert said["torch"] == torch.__version__
    assert said["threads"] == torch.get_num_threads()
    assert all(value not in ("", None) for value in said.values())


def test_the_model_of_the_processor_is_read(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast: 9000\n")
    monkeypatch.setattr(machine, "CPU_INFO", tmp_path / "cpuinfo")
    assert describe_machine()["processor"] == "Fast: 9000"
