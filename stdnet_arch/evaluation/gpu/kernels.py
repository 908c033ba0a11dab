"""Time of the fast form, kernel by kernel."""

import torch
from torch.profiler import ProfilerActivity, profile

from stdnet_arch.evaluation.gpu.networks import NetworkForm, make_clip, make_network
from stdnet_arch.evaluation.gpu.records import Record, ResultRecorder
from stdnet_arch.evaluation.gpu.speed import TRIAL_FRAMES, TRIAL_SIZES, USUAL_FRAMES, VGA

SHOWN = 40
FORM = NetworkForm("bf16", "eager", channels_last=True)


def measure_kernels(recorder: ResultRecorder, device: torch.device, tiny: bool) -> None:
    """Write the kernels (on a CPU: the operators) that take most of STDNet's time.

    Args:
        recorder: takes one line with all of them.
        device: device to run on.
        tiny: a small network: a trial.
    """
    about: Record = {"what": "kernels", "network": "STDNet", "form": FORM.name}
    recorder.attempt(about, lambda: _kernels(device, tiny), device)


def _kernels(device: torch.device, tiny: bool) -> Record:
    frames = TRIAL_FRAMES if tiny else USUAL_FRAMES
    size = TRIAL_SIZES[VGA] if tiny else VGA
    net = make_network("STDNet", tiny, device)
    prepared = FORM.prepare(net, *make_clip(frames, size, device))
    FORM.run(prepared, device)
    on_card = device.type == "cuda"
    kinds = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * on_card
    with profile(activities=kinds) as found:
        FORM.run(prepared, device)
        if on_card:
            torch.cuda.synchronize(device)
    time_of = "self_device_time_total" if on_card else "self_cpu_time_total"
    kind = "CUDA" if on_card else "CPU"  # what was launched, not what launched it
    events = [each for each in found.key_averages() if str(each.device_type).endswith(kind)]
    events.sort(key=lambda event: -getattr(event, time_of))
    total = sum(getattr(event, time_of) for event in events)
    return {
        "frames": frames,
        "ms_per_frame": total / 1e3 / frames,
        "kernels": [
            [round(getattr(event, time_of) / 1e3 / frames, 4), event.count, event.key[:110]]
            for event in events[:SHOWN]
        ],
    }
