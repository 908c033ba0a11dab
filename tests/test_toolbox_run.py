"""The toolbox's trainer on a CPU: it reaches total_iter, resumes, validates its video models."""

import re

import basicsr.train
import pytest
import torch
from basicsr.metrics import calculate_metric
from basicsr.models import build_model
from basicsr.utils.registry import METRIC_REGISTRY
from toolbox_parts import options, with_validation

no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="the symptom needs no CUDA device")


def iterations(log):
    """The numbers of the iterations that a log file reports."""
    return [int(number.replace(",", "")) for number in re.findall(r"iter: *([\d,]+), lr", log)]


# ------------------------------------------------------------------------------------- the runners


def test_training_writes_under_the_current_folder(toolbox_run, tmp_path):
    toolbox_run(options())
    assert (tmp_path / "experiments/tiny/models/net_g_latest.pth").exists()


def test_testing_writes_under_the_current_folder(toolbox_run, tmp_path):
    opt = with_validation(options(), "a")
    opt["datasets"] = {"test_1": opt["datasets"]["val_0"]}
    assert re.search(r"Validation a\n.*psnr: \d+\.\d+", toolbox_run(opt, phase="test"))
    assert (tmp_path / "results/tiny/visualization").is_dir()


@pytest.mark.parametrize("phase", ["train", "test"])
def test_a_wrong_path_ends_a_runner_with_one_line(toolbox_run, phase):
    with pytest.raises(SystemExit, match=r"-opt needs a YAML file, got 'missing\.yml'"):
        toolbox_run("missing.yml", phase=phase)


@pytest.mark.parametrize("part", ["model", "arch", "dataset"])
def test_a_wrong_type_ends_a_runner_with_the_names_there_are(toolbox_run, part):
    opt = options()
    section = {"model": opt, "arch": opt["network_g"], "dataset": opt["datasets"]["train"]}[part]
    section["model_type" if part == "model" else "type"] = "VideoRecurent"
    with pytest.raises(
        (KeyError, ValueError), match=f"no {part} is called 'VideoRecurent'; there are .*Video"
    ):
        toolbox_run(opt)


# ---------------------------------------------------------------------------- the number of steps


def test_a_run_reaches_total_iter_though_batches_are_dropped(toolbox_run):
    log = toolbox_run(options(total_iter=15, num_clip=8, batch=3))
    assert iterations(log) == list(range(1, 16))


def test_stock_stops_short_of_total_iter(toolbox_run, without_patch):
    without_patch("basicsr.train", "create_train_val_dataloader")
    log = toolbox_run(options(total_iter=15, num_clip=8, batch=3))
    assert iterations(log)[-1] == 12  # 15 / 3 + 1 epochs, of 2 and not 3


def test_a_dataset_smaller_than_the_batch_is_refused(toolbox_run):
    with pytest.raises(ValueError, match="batch of 4, but has 3 samples .* dataset_enlarge_ratio"):
        toolbox_run(options(num_clip=3, batch=4))


def test_stock_reports_success_after_no_iteration(toolbox_run, without_patch):
    without_patch("basicsr.train", "create_train_val_dataloader")
    log = toolbox_run(options(num_clip=3, batch=4))
    assert iterations(log) == []
    assert "End of training" in log


def test_a_run_without_training_data_is_refused(toolbox_run):
    opt = with_validation(options(), "a")
    del opt["datasets"]["train"]
    with pytest.raises(ValueError, match="needs a train section, got val_0"):
        toolbox_run(opt)


# ----------------------------------------------------------------------------------------- resume


def saved(opt, every):
    opt["logger"]["save_checkpoint_freq"] = every
    return opt


def test_a_resumed_run_reaches_total_iter_with_another_batch_size(toolbox_run):
    toolbox_run(saved(options(total_iter=6, batch=4), every=6))
    log = toolbox_run(options(total_iter=40, batch=1), "--auto_resume")
    assert iterations(log) == list(range(7, 41))


def test_a_finished_run_resumes_to_nothing(toolbox_run):
    toolbox_run(saved(options(total_iter=4), every=4))
    log = toolbox_run(saved(options(total_iter=4), every=4), "--auto_resume")
    assert iterations(log) == []


def test_a_named_state_is_resumed(toolbox_run, tmp_path):
    toolbox_run(saved(options(total_iter=4), every=2))
    opt = options(total_iter=4)
    opt["path"]["resume_state"] = str(tmp_path / "experiments/tiny/training_states/2.state")
    assert iterations(toolbox_run(opt)) == [3, 4]


def test_a_state_of_another_run_is_refused(toolbox_run, tmp_path):
    toolbox_run(saved(options(total_iter=2), every=2))
    opt = options("second", total_iter=4)
    opt["path"]["resume_state"] = str(tmp_path / "experiments/tiny/training_states/2.state")
    with pytest.raises(ValueError, match=r"must lie in .*second/training_states"):
        toolbox_run(opt)


@no_cuda
def test_stock_cannot_resume_on_a_cpu(toolbox_run, without_patch):
    toolbox_run(saved(options(total_iter=2), every=2))
    without_patch("basicsr.train", "load_resume_state")
    with pytest.raises((RuntimeError, AssertionError), match="NVIDIA|CUDA"):
        toolbox_run(options(total_iter=4), "--auto_resume")


@pytest.fixture
def interrupted(toolbox_run, tmp_path, monkeypatch):
    """Options after a run that left states 2 and 4, seen from another working directory."""
    toolbox_run(saved(options(total_iter=4), every=2))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    states = tmp_path / "experiments/tiny/training_states"
    path = {"training_states": str(states), "models": str(states.parent / "models")}
    return {"name": "tiny", "auto_resume": True, "path": path, "network_g": {}}


def test_auto_resume_finds_the_run_from_any_directory(interrupted):
    assert basicsr.train.load_resume_state(interrupted)["iter"] == 4
    assert interrupted["path"]["pretrain_network_g"].endswith("models/net_g_4.pth")


def test_stock_auto_resume_looks_in_the_working_directory_only(interrupted, without_patch):
    without_patch("basicsr.train", "load_resume_state")
    assert basicsr.train.load_resume_state(interrupted) is None


@pytest.mark.parametrize("kept", [0, 500])
def test_a_state_cut_short_by_a_kill_is_passed_over(interrupted, tmp_path, kept):
    newest = tmp_path / "experiments/tiny/training_states/4.state"
    newest.write_bytes(newest.read_bytes()[:kept])
    with pytest.warns(UserWarning, match=r"4\.state is passed over"):
        assert basicsr.train.load_resume_state(interrupted)["iter"] == 2


def test_states_that_cannot_be_read_do_not_start_a_run_anew(interrupted, tmp_path):
    states = sorted((tmp_path / "experiments/tiny/training_states").iterdir())
    (states[0].write_bytes(b""), states[1].write_bytes(b""))
    with (
        pytest.warns(UserWarning, match="is passed over"),
        pytest.raises(ValueError, match="none of the 2 states .* can be read"),
    ):
        basicsr.train.load_resume_state(interrupted)


def test_a_state_whose_network_is_damaged_is_passed_over(interrupted, tmp_path):
    network = tmp_path / "experiments/tiny/models/net_g_4.pth"
    network.write_bytes(network.read_bytes()[:-100])
    with pytest.warns(UserWarning, match=r"4\.state is passed over: .*net_g_4\.pth"):
        assert basicsr.train.load_resume_state(interrupted)["iter"] == 2


def test_a_foreign_state_is_passed_over(interrupted, tmp_path):
    (tmp_path / "experiments/tiny/training_states/best.state").write_bytes(b"mine")
    with pytest.warns(UserWarning, match=r"best\.state is passed over: its name is no iteration"):
        assert basicsr.train.load_resume_state(interrupted)["iter"] == 4


@pytest.mark.gpu
def test_resuming_on_a_gpu_leaves_the_step_counters_on_the_cpu(toolbox_run):
    opt = {**saved(options(total_iter=2), every=2), "num_gpu": 1}
    toolbox_run(opt)
    opt["train"]["total_iter"] = 4
    found = []
    resume = basicsr.models.base_model.BaseModel.resume_training

    def look(model, state):
        resume(model, state)
        found.extend(entry["step"].device.type for entry in model.optimizer_g.state.values())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basicsr.models.base_model.BaseModel, "resume_training", look)
        toolbox_run(opt, "--auto_resume")
    assert set(found) == {"cpu"}


# -------------------------------------------------------------------------------------- validation


def test_the_recurrent_model_validates_several_sets_on_a_cpu(toolbox_run):
    log = toolbox_run(with_validation(options(), "a", "b"))
    assert re.search(r"Validation a\n.*psnr: \d+\.\d+.*a_0: .*a_1: .*a_2: ", log)
    assert re.search(r"Validation b\n.*psnr: \d+\.\d+.*b_0: .*b_1: .*b_2: ", log)


@no_cuda
def test_stock_validation_asks_for_cuda(toolbox_run, without_patch):
    without_patch("basicsr.models.base_model:BaseModel", "validation")
    with pytest.raises((RuntimeError, AssertionError), match="NVIDIA|CUDA"):
        toolbox_run(with_validation(options(), "a"))


def test_stock_validation_knows_one_set_only(toolbox_run, without_patch, monkeypatch):
    without_patch("basicsr.models.base_model:BaseModel", "validation")
    zeros = torch.zeros
    on_cpu = lambda *size, device=None, **kwargs: zeros(*size, **kwargs)  # noqa: E731
    monkeypatch.setattr(torch, "zeros", on_cpu)
    with pytest.raises(KeyError, match="b_0"):
        toolbox_run(with_validation(options(), "a", "b"))


def test_stock_squeezes_the_clip_under_the_model_s_hands(toolbox_run, without_patch):
    without_patch("basicsr.models.sr_model:SRModel", "feed_data")
    with pytest.raises(ValueError, match="expected 5, got 4"):
        toolbox_run(with_validation(options(), "a"))


def test_basicvsr_of_the_toolbox_trains_and_validates_on_a_cpu(toolbox_run):
    opt = with_validation(options(total_iter=1, num_clip=1, batch=1), "a", num_clip=1)
    opt["scale"] = 4
    opt["network_g"] = {"type": "BasicVSR", "num_feat": 2, "num_block": 1}
    for dataset in opt["datasets"].values():
        dataset["size"] = 256
    assert "Validation a" in toolbox_run(opt)


# ---------------------------------------------------------------------------------- moving average


@pytest.fixture
def averaged(tmp_path):
    """The toolbox's recurrent model with a moving average, after its weights and buffers moved."""
    opt = with_validation(options(ema_decay=0.5), "a")
    opt |= {"dist": False, "rank": 0, "world_size": 1, "is_train": True}
    model = build_model(opt)
    torch.nn.init.constant_(model.net_g.conv.bias, 3.0)
    model.net_g.norm.running_mean.fill_(5.0)
    model.lq = torch.rand(1, 2, 3, 4, 5)
    return model


def test_the_average_is_what_validation_measures(averaged):
    averaged.test()
    averaged.net_g_ema.eval()
    torch.testing.assert_close(averaged.output, averaged.net_g_ema(averaged.lq))
    assert averaged.net_g is not averaged.net_g_ema
    assert averaged.net_g.training


def test_stock_validation_measures_the_raw_net(averaged, without_patch):
    without_patch("basicsr.models.video_recurrent_model:VideoRecurrentModel", "test")
    averaged.test()
    averaged.net_g.eval()
    torch.testing.assert_close(averaged.output, averaged.net_g(averaged.lq))


def test_the_average_has_the_buffers_of_the_net(averaged):
    averaged.model_ema(0.5)
    assert averaged.net_g_ema.norm.running_mean.tolist() == [5.0, 5.0, 5.0]
    assert averaged.net_g.norm.running_mean is not averaged.net_g_ema.norm.running_mean


def test_stock_average_keeps_its_first_buffers(averaged, without_patch):
    without_patch("basicsr.models.base_model:BaseModel", "model_ema")
    averaged.model_ema(0.5)
    assert averaged.net_g_ema.norm.running_mean.tolist() == [0.0, 0.0, 0.0]


# ----------------------------------------------------------------------------------------- metrics


@pytest.fixture
def strict_metric():
    """A registered metric without ``**kwargs``."""

    def calculate_gap(a, b, *, factor=1):
        return (a - b) * factor

    METRIC_REGISTRY.register(calculate_gap)
    yield {"type": "calculate_gap", "factor": 2, "better": "lower"}
    del METRIC_REGISTRY._obj_map["calculate_gap"]


def test_better_does_not_reach_the_metric(strict_metric):
    assert calculate_metric({"a": 5, "b": 3}, strict_metric) == 4
    assert strict_metric["better"] == "lower"


def test_stock_hands_better_to_the_metric(strict_metric, without_patch):
    without_patch("basicsr.metrics", "calculate_metric")
    with pytest.raises(TypeError, match="better"):
        basicsr.metrics.calculate_metric({"a": 5, "b": 3}, strict_metric)
