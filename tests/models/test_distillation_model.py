"""A student trained by a frozen teacher, through the model's own steps and checkpoints."""

import math

import pytest
import torch
from basicsr.archs import build_network
from basicsr.models import build_model
from model_parts import RANGE_M, TinyDepthNet, batches, options, train, weights

from stdnet_arch.archs.checkpoints.adapters import save_checkpoint
from stdnet_arch.models.distillation import probe_features
from stdnet_arch.models.distillation_model import SpaceTimeDistillationModel
from stdnet_arch.models.feature_tap import FeatureTap

TEACHER = {"type": "TinyDepthNet", "scale": 2, "shift": 0.1}
ABOUT = {"network_g": TEACHER, "depth_range_m": RANGE_M}


def distilling(folder, about=ABOUT, teacher=None, **distill):
    """Options of a distillation from a checkpoint that is made here."""
    path = folder / "teacher.pth"
    if not path.exists():
        save_checkpoint(teacher or TinyDepthNet(2, 0.1), path, about=about)
    opt = options(folder)
    opt["model_type"] = "SpaceTimeDistillationModel"
    opt["datasets"] = {"train": {"name": "train", "num_frame": 3, "gt_size": 12}}
    layers = {"teacher_layer": "conv", "student_layer": "norm"}
    opt["distill"] = {"teacher": str(path), **layers, "memory": {"num_feat": 5}, **distill}
    return opt


def make(folder, **distill):
    return build_model(distilling(folder, **distill))


def test_training_lowers_both_losses(tmp_path):
    logs = train(make(tmp_path, optim={"type": "Adam", "lr": 0.0}), batches(1) * 30)
    assert logs[-1]["l_spatial"] < 0.9 * logs[0]["l_spatial"]
    assert logs[-1]["l_memory"] < 0.9 * logs[0]["l_memory"]


def test_layers_that_inference_joins_are_seen():
    net = build_network({"type": "STDNet", "scale": 4, "num_feat": 16, "head_feat": 16})
    layer = "refining_stage.prediction_head.5"
    tap = FeatureTap(net, layer, "distill.teacher_layer")
    found = probe_features({"teacher": (net, tap)}, t=2, size=32, scale=4)["teacher"]
    assert found.shape == (1, 2, 16, 32, 32)
    assert not found.requires_grad


def test_a_frozen_network_shows_all_its_layers_and_keeps_no_graph():
    net = {"type": "STDNet", "scale": 4, "num_feat": 16, "head_feat": 16}
    layer = "refining_stage.prediction_head.5"
    frozen = build_network(net).eval().requires_grad_(False)
    lq, guide = torch.rand(1, 2, 1, 6, 8), torch.rand(1, 2, 3, 24, 32)
    with FeatureTap(frozen, layer, "distill.teacher_layer") as tap:
        pred = frozen(lq, guide)["pred"]
    assert tap.clip(1, 2).shape == (1, 2, 16, 24, 32)
    assert not pred.requires_grad


def test_the_teacher_does_not_change(tmp_path):
    model = make(tmp_path)
    before = weights(model.teacher.net)  # batch normalisation: buffers, too
    train(model, batches(3))
    assert not any(p.requires_grad for p in model.teacher.net.parameters())
    assert not model.teacher.net.training
    after = model.teacher.net.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())


def test_student_adapter_and_convlstm_learn(tmp_path):
    model = make(tmp_path)
    before = weights(model.net_g), weights(model.distillation.reader)
    train(model, batches(2))
    after = model.net_g.state_dict(), model.distillation.reader.state_dict()
    assert not torch.equal(before[0]["conv.weight"], after[0]["conv.weight"])
    changed = [not torch.equal(before[1][key], after[1][key]) for key in before[1]]
    assert all(changed)


def test_what_is_learnt_is_the_student_s_loss_and_the_two_terms(tmp_path):
    model = make(tmp_path)
    (log,) = train(model, batches(1))
    assert log.keys() == {"l_pix", "l_spatial", "l_memory", "grad_norm"}


@pytest.mark.parametrize(
    ("off", "left"), [("spatial_opt", "l_memory"), ("memory_opt", "l_spatial")]
)
def test_a_term_can_be_switched_off(tmp_path, off, left):
    (log,) = train(make(tmp_path, **{off: None}), batches(1))
    assert [key for key in log if key in {"l_spatial", "l_memory"}] == [left]


def test_the_seed_gives_the_student_the_same_start_and_data_as_without_a_teacher(tmp_path):
    opt = distilling(tmp_path)
    torch.manual_seed(3)
    with_teacher = weights(build_model(opt).net_g), torch.rand(())
    torch.manual_seed(3)
    alone = weights(build_model({**opt, "model_type": "RGBDVideoModel"}).net_g), torch.rand(())
    assert torch.equal(with_teacher[0]["conv.weight"], alone[0]["conv.weight"])
    assert with_teacher[1] == alone[1]


def test_a_batch_without_valid_pixels_neither_teaches_nor_freezes(tmp_path):
    model = make(tmp_path)
    (batch,) = batches(1)
    (log,) = train(model, [{**batch, "valid": torch.zeros_like(batch["valid"])}])
    assert set(log.values()) == {0}
    assert not model.distillation.guard.frozen


def test_a_frozen_convlstm_learns_no_more_but_the_student_does(tmp_path, log):
    model = make(tmp_path, student_layer="conv")  # equal widths: no adapter beside it
    model.distillation.guard.first_spread.fill_(1e9)
    train(model, batches(1))
    assert "the ConvLSTM of the distillation learns no more, since the teacher's" in log.text
    kept, student = weights(model.distillation.reader), weights(model.net_g)
    train(model, batches(1))
    assert all(torch.equal(v, kept[k]) for k, v in model.distillation.reader.state_dict().items())
    assert not torch.equal(student["conv.weight"], model.net_g.conv.weight)


def norm_of(parameters):
    return torch.linalg.vector_norm(torch.stack([p.grad.norm() for p in parameters])).item()


def test_convlstm_and_adapter_are_clipped_by_their_own_norm(tmp_path):
    opt = distilling(tmp_path, memory_opt={"type": "TemporalMemoryDistillLoss", "loss_weight": 1e4})
    opt["train"]["grad_clip"] = 0.01
    model = build_model(opt)
    train(model, batches(1))
    assert norm_of(model.distillation.parameters()) == pytest.approx(0.01, rel=1e-3)
    assert norm_of(model.net_g.parameters()) == pytest.approx(0.01, rel=1e-3)


def test_a_gradient_of_the_convlstm_that_is_not_finite_changes_nothing(tmp_path):
    model = make(tmp_path)
    next(model.distillation.reader.recurrence.parameters()).register_hook(lambda g: g * math.nan)
    before = model.net_g.conv.weight.clone()
    with pytest.raises(FloatingPointError, match="grad_norm_distill nan"):
        train(model, batches(1))
    assert torch.equal(model.net_g.conv.weight, before)


def test_a_frozen_convlstm_goes_with_the_scaling_of_half_precision(tmp_path):
    opt = distilling(tmp_path, student_layer="conv")
    opt["train"] |= {"amp": "fp16", "amp_on_cpu": True}
    model = build_model(opt)
    model.distillation.guard.frozen.fill_(True)
    assert train(model, batches(1))[0]["l_memory"] > 0


def test_a_resumed_run_goes_on_exactly(tmp_path):
    data, opt = batches(8), distilling(tmp_path)
    whole = build_model(opt)
    start = weights(whole.net_g), weights(whole.distillation)
    train(whole, data)

    first = build_model(opt)
    first.net_g.load_state_dict(start[0])
    first.distillation.load_state_dict(start[1])
    train(first, data[:4])
    first.save(epoch=0, current_iter=4)
    opt["path"]["pretrain_network_g"] = str(tmp_path / "models/net_g_4.pth")
    second = build_model(opt)
    second.resume_training(torch.load(tmp_path / "training_states/4.state", weights_only=True))
    train(second, data[4:], first=5)

    for net in ("net_g", "distillation"):
        one, other = (weights(getattr(model, net)) for model in (whole, second))
        assert all(torch.equal(one[key], other[key]) for key in one), net


def test_the_state_of_a_plain_training_is_refused(tmp_path):
    opt = distilling(tmp_path)
    plain = build_model({**opt, "model_type": "RGBDVideoModel"})
    plain.save(epoch=0, current_iter=2)
    state = torch.load(tmp_path / "training_states/2.state", weights_only=True)
    with pytest.raises(ValueError, match=r"a state that one with the same distill.*got none"):
        build_model(opt).resume_training(state)


def test_the_checkpoint_is_the_student_s_alone(tmp_path):
    model = make(tmp_path)
    model.save(epoch=-1, current_iter=-1)
    saved = torch.load(tmp_path / "models/net_g_latest.pth", weights_only=True)
    assert saved["params"].keys() == model.net_g.state_dict().keys()


def test_a_test_needs_no_teacher(tmp_path):
    opt = options(tmp_path, is_train=False)
    assert SpaceTimeDistillationModel(opt).validator.method == "TinyDepthNet"


@pytest.mark.parametrize(
    ("distill", "message"),
    [
        ({"teacher_layer": "cnv"}, "distill.teacher_layer: .* no module 'cnv'; there are conv"),
        ({"student_layer": "nrm"}, "distill.student_layer: .* no module 'nrm'; there are norm"),
        ({"layer": "conv"}, "distill: expected only the keys .*; got layer$"),
        ({"memory": {"width": 3}}, "distill.memory: expected only the keys .*; got width$"),
        ({"spatial_opt": None, "memory_opt": None}, "must be a loss, got None"),
        ({"memory": {"pool": 5}}, "pool: 5 must divide features of 12x12"),
    ],
)
def test_wrong_options_are_named_before_training(tmp_path, distill, message):
    with pytest.raises(ValueError, match=message):
        make(tmp_path, **distill)


@pytest.mark.parametrize("section", [None, {"teacher_layer": "conv", "student_layer": "norm"}])
def test_a_missing_teacher_is_named(tmp_path, section):
    opt = {**distilling(tmp_path), "distill": section}
    with pytest.raises(ValueError, match="section distill: with teacher, .*got no teacher"):
        build_model(opt)


def test_a_teacher_of_another_depth_range_is_refused(tmp_path):
    opt = distilling(tmp_path, about={"network_g": TEACHER, "depth_range_m": 30.0})
    with pytest.raises(ValueError, match="trained on depth divided by 30 m; the batch .*8.0"):
        train(build_model(opt), batches(1))


def test_a_teacher_that_does_not_say_what_it_is_is_asked_for(tmp_path):
    with pytest.raises(ValueError, match=r"distill.teacher: .*or write distill.teacher_network"):
        make(tmp_path, about=None)


def test_a_teacher_may_be_described_in_the_options(tmp_path):
    model = make(tmp_path, about=None, teacher_network=TEACHER)
    assert model.teacher.net.shift == 0.1
    train(model, batches(1))


def run_options(folder, total_iter):
    """A distillation as a YAML for the toolbox's trainer, saved every second iteration."""
    opt = distilling(folder)
    loader = {"num_worker_per_gpu": 0, "batch_size_per_gpu": 2, "dataset_enlarge_ratio": 1}
    clips = {"name": "train", "type": "TinyClips", "num_clip": 8, "num_frame": 3, "gt_size": 12}
    return {
        **{key: opt[key] for key in ("name", "model_type", "scale", "network_g", "distill")},
        "num_gpu": 0,
        "manual_seed": 1,
        "datasets": {"train": {**clips, "lq_size": [6, 6], **loader}},
        "path": {},
        "train": {**opt["train"], "total_iter": total_iter},
        "logger": {"print_freq": 1, "save_checkpoint_freq": 2, "use_tb_logger": False},
    }


def test_the_trainer_resumes_convlstm_adapter_and_guard(toolbox_run, tmp_path):
    toolbox_run(run_options(tmp_path, total_iter=2))
    log = toolbox_run(run_options(tmp_path, total_iter=4), "--auto_resume")
    assert "Resuming training from epoch: 0, iter: 2" in log
    states = tmp_path / "experiments/tiny/training_states"
    first, second = (torch.load(states / f"{i}.state", weights_only=True) for i in (2, 4))
    spreads = [state["distillation"]["guard.first_spread"] for state in (first, second)]
    assert spreads[0] == spreads[1]  # kept, and not measured anew
    assert second["optimizers"][1]["state"][0]["step"] == 4
