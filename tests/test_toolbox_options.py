"""Options: what YAML and command line mean, and what is refused before a run starts."""

import sys

import basicsr.utils.options
import pytest
import torch
import yaml
from basicsr.utils.registry import ARCH_REGISTRY
from toolbox_parts import options, with_validation

from stdnet_arch.utils.input_errors import InputError


@pytest.fixture
def parse(tmp_path, monkeypatch):
    """A function that reads options as the trainer does: from a YAML text and more arguments."""

    def parse(opt, *arguments, is_train=True):
        path = tmp_path / "x.yml"
        path.write_text(opt if isinstance(opt, str) else yaml.safe_dump(opt))
        monkeypatch.setattr(sys, "argv", ["train", "-opt", str(path), *arguments])
        return basicsr.utils.options.parse_options(str(tmp_path), is_train=is_train)[0]

    return parse


@pytest.fixture
def four_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


NUMBERS = {"1e-4": 1e-4, "-2.5E+3": -2500.0, ".5e1": 5.0, "0.25": 0.25, "12": 12, "08": "08"}


@pytest.mark.parametrize(("text", "value"), NUMBERS.items(), ids=str)
def test_yaml_numbers_need_no_tag(text, value):
    loader = basicsr.utils.options.ordered_yaml()[0]
    read = yaml.load(f"a: {text}", Loader=loader)["a"]
    assert read == value
    assert type(read) is type(value)


def test_yaml_keeps_text_that_only_looks_like_a_number():
    loader = basicsr.utils.options.ordered_yaml()[0]
    read = yaml.load("[1e-4x, e-4, clip_1e5, '1e-4']", Loader=loader)
    assert read == ["1e-4x", "e-4", "clip_1e5", "1e-4"]


def test_stock_yaml_reads_an_exponent_as_text(without_patch):
    without_patch("basicsr.utils.options", "ordered_yaml")
    loader = basicsr.utils.options.ordered_yaml()[0]
    assert yaml.load("a: 1e-4", Loader=loader)["a"] == "1e-4"


def test_other_users_of_the_yaml_loader_are_left_alone():
    basicsr.utils.options.ordered_yaml()
    assert yaml.load("a: 1e-4", Loader=yaml.CLoader)["a"] == "1e-4"


FORCED = {"1e-5": 1e-5, "-1": -1, "+3": 3, "7": 7, "2.5": 2.5, "!!float1e-3": 1e-3, "1_0": "1_0"}


@pytest.mark.parametrize(("text", "value"), FORCED.items(), ids=str)
def test_forced_numbers_are_numbers(parse, text, value):
    opt = parse(options(), "--force_yml", f"train:optim_g:lr={text}")
    assert opt["train"]["optim_g"]["lr"] == value
    assert type(opt["train"]["optim_g"]["lr"]) is type(value)


@pytest.mark.parametrize("text", ["1e-5", "-1"])
def test_stock_forced_numbers_are_text(parse, without_patch, text):
    without_patch("basicsr.utils.options", "_postprocess_yml_value")
    assert parse(options(), "--force_yml", f"manual_seed={text}")["manual_seed"] == text


@pytest.mark.parametrize("argument", ["--local-rank=0", "--local_rank=0"])
def test_both_spellings_of_local_rank_are_accepted(parse, argument):
    assert parse(options(), argument)["name"] == "tiny"


def test_stock_refuses_the_launcher_s_own_argument(parse, without_patch, capsys):
    without_patch("basicsr.utils.options", "parse_options")
    with pytest.raises(SystemExit):
        parse(options(), "--local-rank=0")
    assert "unrecognized arguments: --local-rank=0" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["missing.yml", "."])
def test_a_wrong_opt_path_is_named_in_one_line(parse, tmp_path, name):
    with pytest.raises(SystemExit, match=rf"-opt needs a YAML file, got '.*{name}' \(looked from"):
        parse(options(), "-opt", str(tmp_path / name) if name != "." else ".")


def test_stock_answers_a_wrong_opt_path_with_a_traceback(parse, without_patch):
    without_patch("basicsr.utils.options", "parse_options")
    with pytest.raises(FileNotFoundError):
        parse(options(), "-opt", "missing.yml")


def test_a_wrong_type_names_the_closest_ones(capsys):
    with pytest.raises(KeyError, match="no arch is called 'TinyVideo'; there are .*TinyVideoNet"):
        ARCH_REGISTRY.get("TinyVideo")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["qqqqqq", None])
def test_a_type_like_no_other_lists_all(name):
    with pytest.raises(KeyError, match=r"there are .*BasicVSR.*EDVR.*TinyVideoNet"):
        ARCH_REGISTRY.get(name)


def test_a_suffixed_type_of_the_toolbox_is_still_found():
    ARCH_REGISTRY.register(torch.nn.Tanh, suffix="basicsr")
    try:
        assert ARCH_REGISTRY.get("Tanh") is torch.nn.Tanh
    finally:
        del ARCH_REGISTRY._obj_map["Tanh_basicsr"]


def test_stock_suggests_a_name_that_does_not_exist(without_patch, capsys):
    without_patch("basicsr.utils.registry:Registry", "get")
    with pytest.raises(KeyError, match="No object named 'TinyVideo' found"):
        ARCH_REGISTRY.get("TinyVideo")
    assert "use name: TinyVideo_basicsr!" in capsys.readouterr().out


@pytest.mark.parametrize("num_gpu", ["auto", 4])
def test_one_gpu_is_used_without_a_launcher(parse, four_gpus, num_gpu):
    with pytest.warns(UserWarning, match="torchrun --nproc_per_node 4"):
        opt = parse({**options(), "num_gpu": num_gpu})
    assert opt["num_gpu"] == 1


def test_stock_multiplies_the_batch_by_the_gpus_but_not_the_plan(parse, four_gpus, without_patch):
    without_patch("basicsr.utils.options", "parse_options")
    opt = parse({**options(), "num_gpu": "auto"})
    dataset = torch.utils.data.TensorDataset(torch.zeros(16))
    loader = basicsr.data.build_dataloader(dataset, opt["datasets"]["train"], opt["num_gpu"])
    assert (opt["num_gpu"], len(loader)) == (4, 2)  # 16 samples, batch 2: 8 iterations expected


def test_asking_for_a_gpu_that_is_not_there_says_what_to_write(parse, no_gpu):
    with pytest.raises(ValueError, match="num_gpu: 1 needs a CUDA device .* num_gpu: auto"):
        parse({**options(), "num_gpu": 1})


def test_cuda_prefetching_is_dropped_on_the_cpu(parse, no_gpu):
    opt = options()
    opt["datasets"]["train"]["prefetch_mode"] = "cuda"
    assert parse(opt)["datasets"]["train"]["prefetch_mode"] is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="the symptom needs a machine without CUDA")
def test_stock_cuda_prefetching_fails_on_the_cpu(toolbox_run, without_patch):
    without_patch("basicsr.utils.options", "parse_options")
    opt = options()
    opt["datasets"]["train"] |= {"prefetch_mode": "cuda", "pin_memory": True}
    with pytest.raises((RuntimeError, AssertionError), match="NVIDIA|CUDA"):
        toolbox_run(opt)


def cosine(*periods):
    weights = [1] * len(periods)
    return {
        "type": "CosineAnnealingRestartLR",
        "periods": list(periods),
        "restart_weights": weights,
    }


def test_a_cosine_schedule_must_cover_the_run(parse):
    with pytest.raises(ValueError, match=r"sum to total_iter \(6\) or more, got \[2, 3\]"):
        parse(options(total_iter=6, scheduler=cosine(2, 3)))
    assert parse(options(total_iter=5, scheduler=cosine(2, 3)))["train"]["total_iter"] == 5


@pytest.mark.parametrize(
    ("scheduler", "said"),
    [
        ([1, 2], "train.scheduler must be names and values"),
        ({**cosine(6), "periods": 6}, "train.scheduler.periods must be a list of numbers; got 6"),
        (cosine("six"), "each of train.scheduler.periods must be a finite number; got 'six'"),
    ],
)
def test_a_schedule_that_is_none_is_named(parse, scheduler, said):
    with pytest.raises(InputError, match=said):
        parse(options(total_iter=6, scheduler=scheduler))


@pytest.mark.parametrize("key", ["pretrain_network_g", "resume_state"])
def test_a_path_is_text(parse, key):
    opt = options()
    opt["path"][key] = ["net.pth"]
    with pytest.raises(InputError, match=f"path.{key} must be text"):
        parse(opt)


def test_stock_ends_a_run_beyond_its_schedule_with_a_type_error(toolbox_run, without_patch):
    without_patch("basicsr.utils.options", "parse_options")
    with pytest.raises(TypeError, match="list indices"):
        toolbox_run(options(total_iter=8, scheduler=cosine(2, 3)))


def test_testing_needs_no_train_section(parse):
    opt = with_validation(options(), "a")
    del opt["train"], opt["datasets"]["train"]
    assert parse(opt, is_train=False)["is_train"] is False
