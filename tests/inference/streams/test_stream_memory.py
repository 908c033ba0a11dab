"""A long stream needs no more memory than a short one."""

import subprocess
import sys

MEASURE = """
import resource, torch
import stdnet_arch
from basicsr.archs import build_network
from stdnet_arch.inference import stream

torch.set_num_threads(1)
net = build_network({"type": "STDNet", "scale": 4, "num_feat": 16, "head_feat": 16})
frame = torch.rand(1, 8, 12), torch.rand(3, 32, 48)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
for i, pred in enumerate(stream(net, (frame for _ in range(200)), chunk=8), 1):
    if i in {40, 200}:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_200_frames_need_as_much_memory_as_40():
    output = subprocess.check_output([sys.executable, "-c", MEASURE], text=True)
    before, at_40, at_200 = (int(line) for line in output.split())
    assert at_200 <= 1.1 * at_40
    # What PyTorch takes before the first frame hides much; one map kept per frame would give 1.3.
    assert at_200 - before <= 1.2 * (at_40 - before)
