"""Training steps, checkpoints and resuming of the model."""

import random
from copy import deepcopy

import numpy as np
import pytest
import torch
from model_parts import RANGE_M, batches, loader, make_model, options, train, weights
from torch import nn

from stdnet_arch.archs.checkpoints.adapters import read_about
from stdnet_arch.archs.checkpoints.loading import load_network


def assert_same_weights(one, other):
    assert one.keys() == other.keys()
    for key in one:
        torch.testing.assert_close(one[key], other[key], rtol=0, atol=0, msg=key)


def test_training_lowers_the_loss(tmp_path):
    logs = train(make_model(tmp_path), batches(1) * 20)
    assert logs[-1]["l_pix"] < 0.7 * logs[0]["l_pix"]


def test_colour_may_come_as_bytes(tmp_path):
    one, other = (make_model(tmp_path) for _ in range(2))
    (batch,) = batches(1)
    codes = (batch["guide"] * 255).round().byte()
    one.feed_data({**batch, "guide": codes})
    other.feed_data({**batch, "guide": codes.float() / 255})
    assert torch.equal(one.fed.guide, other.fed.guide)
    assert one.fed.guide.dtype == torch.float32


@pytest.mark.parametrize("kind", ["Adam", "AdamW"])
def test_the_optimizer_is_the_one_asked_for(tmp_path, kind):
    asked = {"type": kind, "lr": 3e-4, "betas": [0.8, 0.9], "weight_decay": 0.1}
    optimizer = make_model(tmp_path, optim_g=asked).optimizer_g
    assert type(optimizer) is getattr(torch.optim, kind)
    group = optimizer.param_groups[0]
    assert (group["lr"], list(group["betas"]), group["weight_decay"]) == (3e-4, [0.8, 0.9], 0.1)


def test_a_run_without_scheduler_keeps_its_rate_after_warming_up(tmp_path):
    model = make_model(tmp_path, scheduler=None)
    rates = []
    for iteration in range(1, 5):
        model.update_learning_rate(iteration, warmup_iter=4)
        rates += model.get_current_learning_rate()
    assert rates[:3] == pytest.approx([0.0025, 0.005, 0.0075])


def test_what_is_not_valid_changes_nothing(tmp_path):
    clean, dirty = (make_model(tmp_path) for _ in range(2))
    dirty.net_g.load_state_dict(clean.net_g.state_dict())
    (batch,) = batches(1)
    train(clean, [batch])
    train(dirty, [{**batch, "gt": batch["gt"].where(batch["valid"], float("nan"))}])
    assert_same_weights(weights(clean.net_g), weights(dirty.net_g))


def test_a_batch_without_valid_pixels_is_harmless(tmp_path):
    model = make_model(tmp_path, difference_opt={"type": "SpareLoss"})
    (batch,) = batches(1)
    before = [p.clone() for p in model.net_g.parameters()]
    (log,) = train(model, [{**batch, "valid": torch.zeros_like(batch["valid"])}])
    assert log == {"l_pix": 0, "l_difference": 0, "grad_norm": 0}
    for parameter, old in zip(model.net_g.parameters(), before, strict=True):
        assert torch.equal(parameter, old)


def test_a_loss_that_is_not_finite_stops_the_run_and_spares_the_weights(tmp_path):
    model = make_model(tmp_path)
    (batch,) = batches(1)
    before = [p.clone() for p in model.net_g.parameters()]
    batch["guide"][0, 0, 0, 0, 0] = float("nan")
    with pytest.raises(FloatingPointError, match=r"iteration 7: .*l_pix nan.*train/clip0"):
        train(model, [batch], first=7)
    for parameter, old in zip(model.net_g.parameters(), before, strict=True):
        assert torch.equal(parameter, old)


def test_a_gradient_that_is_not_finite_stops_the_run_and_spares_the_weights(tmp_path):
    model = make_model(tmp_path)
    before = model.net_g.conv.bias.clone()
    model.net_g.conv.bias.register_hook(lambda grad: grad * float("inf"))
    with pytest.raises(FloatingPointError, match="iteration 3: .*grad_norm"):
        train(model, batches(1), first=3)
    assert torch.equal(model.net_g.conv.bias, before)


def test_gradients_are_clipped_to_the_norm_asked_for(tmp_path):
    free, clipped = make_model(tmp_path), make_model(tmp_path, grad_clip=1e-3)
    clipped.net_g.load_state_dict(free.net_g.state_dict())
    norms = [train(model, batches(1))[0]["grad_norm"] for model in (free, clipped)]
    assert norms[0] == pytest.approx(norms[1])  # the log says what it was before clipping
    assert norms[0] > 1e-3
    applied = torch.stack([p.grad.norm() for p in clipped.net_g.parameters()]).norm()
    assert applied.item() == pytest.approx(1e-3, rel=1e-3)


def test_the_average_follows_its_formula_with_buffers(tmp_path):
    model = make_model(tmp_path, ema_decay=0.75)
    expected = weights(model.net_g)
    for step, batch in enumerate(batches(3), 1):
        train(model, [batch], first=step)
        now = weights(model.net_g)
        averaged = [name for name, _ in model.net_g.named_parameters()]
        expected = {k: 0.75 * expected[k] + 0.25 * now[k] if k in averaged else now[k] for k in now}
    assert not torch.equal(now["norm.running_mean"], torch.zeros(2))
    for key, value in model.net_g_ema.state_dict().items():
        torch.testing.assert_close(value, expected[key], msg=key)


@pytest.mark.parametrize(("amp", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_mixed_precision_runs_the_net_low_and_the_loss_high(tmp_path, amp, dtype):
    model = make_model(tmp_path, amp=amp, amp_on_cpu=True)
    seen = []
    model.net_g.conv.register_forward_hook(lambda _module, _inputs, out: seen.append(out.dtype))
    logs = train(model, batches(1) * 20)
    assert set(seen) == {dtype}
    assert model.output.dtype == torch.float32
    assert model.precision.scaler.is_enabled() == (amp == "fp16")
    assert logs[-1]["l_pix"] < 0.7 * logs[0]["l_pix"]


def test_mixed_precision_is_off_on_a_cpu_unless_asked_for(tmp_path):
    model = make_model(tmp_path, amp="bf16")
    seen = []
    model.net_g.conv.register_forward_hook(lambda _module, _inputs, out: seen.append(out.dtype))
    train(model, batches(1))
    assert seen == [torch.float32]


def test_losses_are_told_the_iteration_and_logged_by_name(tmp_path):
    model = make_model(tmp_path, spare_opt={"type": "SpareLoss"})
    logs = train(model, batches(2), first=5)
    assert model.objective.losses["spare_opt"].iteration == 6
    assert logs[0].keys() == {"l_pix", "l_spare", "grad_norm"}


@pytest.mark.parametrize(
    ("train_section", "message"),
    [
        ({"grad_clp": 1}, "train: expected only the keys .*got grad_clp"),
        ({"amp": "fp8"}, "amp must be one of bf16, fp16 or ~, got 'fp8'"),
        ({"optim_g": {"type": "SGD", "lr": 1}}, "one of Adam, AdamW, got 'SGD'"),
        ({"pixel_opt": None}, "training needs a loss"),
        ({"grad_clip": -1}, "train.grad_clip must be a norm > 0 or ~, got -1.0"),
        ({"ema_decay": 1.0}, r"train.ema_decay must be in \[0, 1\), got 1.0"),
    ],
)
def test_wrong_training_options_are_named(tmp_path, train_section, message):
    with pytest.raises(ValueError, match=message):
        make_model(tmp_path, **train_section)


@pytest.mark.parametrize(
    ("val_section", "message"),
    [
        ({"metric": {}}, "val: expected only the keys .*got metric$"),
        ({"save_format": "jpg"}, "one of png16, npy, npz, tiff, exr, float16png, got 'jpg'"),
        ({"baselines": {"TinyDepthNet": {}}}, "names other than the network's, 'TinyDepthNet'"),
        (
            {"metrics": {"x": {"type": "calculate_rmse", "better": "higher"}}},
            "calculate_rmse is better when lower, got better: higher",
        ),
        ({"metrics": {"x": {"type": "calculate_psnr"}}}, "needs better: lower or higher, got None"),
        ({"chunk_frames": 0}, "val.chunk_frames must be a number of frames >= 1 or ~, got 0"),
        ({"chunk_frames": 2.5}, "val.chunk_frames must be a number .* got 2.5"),
    ],
)
def test_wrong_validation_options_are_named_before_training(tmp_path, val_section, message):
    opt = options(tmp_path)
    opt["val"].update(val_section)
    with pytest.raises(ValueError, match=message):
        make_model(tmp_path, opt)


def test_a_missing_checkpoint_is_named_before_training(tmp_path):
    opt = options(tmp_path)
    opt["path"]["pretrain_network_g"] = "weights/none.pth"
    with pytest.raises(FileNotFoundError, match=r"found no file weights/none\.pth \(looked from"):
        make_model(tmp_path, opt)


def test_the_log_says_in_one_line_what_is_trained(tmp_path, log):
    model = make_model(tmp_path)
    count = sum(parameter.numel() for parameter in model.net_g.parameters())
    lines = [line for line in log.messages if line.startswith("Network: ")]
    assert lines == [f"Network: {type(model.net_g).__name__}, {count:,d} parameters"]


def resumed(folder, iteration, opt):
    opt["path"]["pretrain_network_g"] = str(folder / f"models/net_g_{iteration}.pth")
    model = make_model(folder, opt)
    state = folder / f"training_states/{iteration}.state"
    model.resume_training(torch.load(state, weights_only=True))
    return model


SETTINGS = {
    "optim_g": {"type": "AdamW", "lr": 1e-2, "weight_decay": 0.1},
    "ema_decay": 0.5,
    "amp": "fp16",
    "amp_on_cpu": True,
}


def test_a_resumed_run_goes_on_exactly(tmp_path):
    data = batches(8)
    whole = make_model(tmp_path, **SETTINGS)
    start = weights(whole.net_g)
    train(whole, data)

    first = make_model(tmp_path, **SETTINGS)
    first.net_g.load_state_dict(start)
    first.model_ema(0)
    train(first, data[:4])
    first.save(epoch=0, current_iter=4)
    second = resumed(tmp_path, 4, options(tmp_path, **SETTINGS))
    train(second, data[4:], first=5)

    assert_same_weights(weights(whole.net_g), weights(second.net_g))
    assert_same_weights(weights(whole.net_g_ema), weights(second.net_g_ema))
    assert second.get_current_learning_rate() == [5e-3]
    assert second.precision.scaler.state_dict() == whole.precision.scaler.state_dict()


def test_random_numbers_go_on_after_resuming(tmp_path):
    def draws():
        return random.random(), np.random.random(), torch.rand(()).item()  # noqa: NPY002

    model = make_model(tmp_path)
    draws()
    model.save(epoch=0, current_iter=2)
    expected = draws()
    model = make_model(tmp_path)
    draws()
    assert resumed(tmp_path, 2, options(tmp_path)) is not model
    assert draws() == expected


def test_the_best_value_survives_resuming(tmp_path):
    model = make_model(tmp_path)
    model.save(epoch=0, current_iter=2)  # the runner saves first and validates then
    model.validation(loader(), 2, None)
    best = deepcopy(model.best_metric_results)
    model.net_g.shift = -0.01
    model.validation(loader(), 3, None)  # better, but lost: the run goes on from 2
    assert model.best_metric_results["val"]["rmse_cm"]["iter"] == 3
    again = resumed(tmp_path, 2, options(tmp_path))
    again.net_g.shift = 0.5
    again.validation(loader(), 3, None)
    assert again.best_metric_results == best
    assert best["val"]["rmse_cm"]["iter"] == 2


def test_the_last_save_is_no_training_state(tmp_path):
    model = make_model(tmp_path)
    model.save(epoch=0, current_iter=2)
    model.save(epoch=-1, current_iter=-1)
    assert sorted(path.name for path in tmp_path.glob("*/*")) == [
        "2.state", "net_g_2.pth", "net_g_latest.pth",
    ]  # fmt: skip


def test_a_state_of_a_stock_model_resumes_too(tmp_path):
    model = make_model(tmp_path)
    model.save(epoch=0, current_iter=2)
    state = torch.load(tmp_path / "training_states/2.state", weights_only=True)
    stock = {key: state[key] for key in ("epoch", "iter", "optimizers", "schedulers")}
    make_model(tmp_path).resume_training(stock)


@pytest.mark.parametrize("key", ["params", "params_ema"])
def test_checkpoints_hold_weights_and_average(tmp_path, key):
    model = make_model(tmp_path, ema_decay=0.5)
    train(model, batches(2))
    model.save(epoch=0, current_iter=2)
    saved = torch.load(tmp_path / "models/net_g_2.pth", weights_only=True)
    nets = {"params": model.net_g, "params_ema": model.net_g_ema}
    assert_same_weights(saved[key], weights(nets[key]))
    assert not torch.equal(saved["params"]["conv.bias"], saved["params_ema"]["conv.bias"])


def test_checkpoints_say_how_to_use_them(tmp_path):
    opt = options(tmp_path)
    opt["datasets"] = {"train": {"depth_range_m": RANGE_M, "lq": "dtof_peak", "name": "rooms"}}
    make_model(tmp_path, opt).save(epoch=-1, current_iter=-1)
    loaded = load_network(tmp_path / "models/net_g_latest.pth")
    assert (type(loaded.net).__name__, loaded.scale, loaded.depth_range_m) == (
        "TinyDepthNet", 2, RANGE_M,
    )  # fmt: skip
    assert loaded.about["lq"] == "dtof_peak"


def test_a_range_that_is_left_to_the_source_is_that_of_the_batches(tmp_path):
    model = make_model(tmp_path)
    model.save(epoch=0, current_iter=1)
    train(model, batches(1))
    model.save(epoch=0, current_iter=2)
    before, after = (read_about(tmp_path / f"models/net_g_{i}.pth") for i in (1, 2))
    assert "depth_range_m" not in before
    assert after["depth_range_m"] == RANGE_M


def test_a_checkpoint_that_is_not_the_toolbox_s_says_how_to_make_it_one(tmp_path):
    opt = options(tmp_path)
    opt["path"]["pretrain_network_g"] = str(tmp_path / "official.pth")
    torch.save({"some.weight": torch.ones(2)}, tmp_path / "official.pth")
    with pytest.raises(ValueError, match=r"official\.pth without; scripts/convert_weights\.py"):
        make_model(tmp_path, opt)


def test_every_parameter_gets_a_gradient_when_processes_train_together(tmp_path, monkeypatch):
    opt = options(tmp_path)
    model = make_model(tmp_path, opt)
    model.opt["dist"] = True  # only the step's own branch: no process group is opened
    monkeypatch.setattr(model, "reduce_loss_dict", dict)
    spare = nn.Parameter(torch.ones(()))
    model.net_g.register_parameter("unread", spare)
    model.net_g.register_forward_hook(lambda _m, _i, out: {**out, "unread": spare * 2})
    train(model, batches(1))
    assert spare.grad == 0


def test_amp_on_a_cpu_is_reported(tmp_path, log):
    make_model(tmp_path, amp="fp16")
    assert "amp is off on a CPU" in log.text


def test_losses_on_motion_see_the_flow_of_the_batch(tmp_path):
    siamese = {"type": "SiameseWarpLoss", "warp_hr_weight": 0}
    model = make_model(tmp_path, siamese_opt=siamese)
    (batch,) = batches(1)
    flow_px = torch.full((2, 2, 2, *batch["gt"].shape[-2:]), 100.0)  # goes out: nothing to compare
    assert train(model, [{**batch, "flow_px": flow_px}])[0]["l_siamese"] == 0
    assert train(model, [{**batch, "flow_px": 0 * flow_px}])[0]["l_siamese"] > 0


def test_losses_on_motion_find_flow_in_the_guide(tmp_path):
    motion = {"type": "MotionWeightedLoss", "flow": "tvl1"}
    assert train(make_model(tmp_path, motion_opt=motion), batches(1))[0]["l_motion"] > 0
