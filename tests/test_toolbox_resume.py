"""A run that is stopped and resumed ends as one that was not: data, random numbers, weights."""

import copy

import pytest
import torch
from basicsr.data.data_sampler import EnlargedSampler
from toolbox_parts import TinyVideoDataset, options, with_validation

from stdnet_arch._toolbox_order import PlacedSampler, PlacedSamples


def random_run(name, workers=0, prefetch=None, **train):
    """Eight iterations of everything that draws: data, dropout; epochs of three batches."""
    opt = options(name, total_iter=8, num_clip=7, ema_decay=0.5, **train)
    opt["network_g"] |= {"dropout": 0.5, "flow": True}
    more = {"noise": True, "num_worker_per_gpu": workers, "prefetch_mode": prefetch}
    opt["datasets"]["train"] |= more
    opt["logger"]["save_checkpoint_freq"] = 2
    return opt


def until(opt, total_iter):
    part = copy.deepcopy(opt)
    part["train"]["total_iter"] = total_iter
    return part


def saved(folder, name, iteration=8):
    """Weights, their average, and the optimiser's state."""
    root = folder / "experiments" / name
    net = torch.load(root / f"models/net_g_{iteration}.pth", weights_only=True)
    state = torch.load(root / f"training_states/{iteration}.state", weights_only=True)
    moments = {str(k): dict(v) for k, v in state["optimizers"][0]["state"].items()}
    return {"params": net["params"], "params_ema": net["params_ema"], "moments": moments}


def assert_equal(folder, one, other):
    torch.testing.assert_close(saved(folder, one), saved(folder, other), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("workers", "prefetch"), [(0, None), (2, None), (0, "cpu"), (2, "cpu")])
def test_four_and_four_iterations_are_eight(toolbox_run, tmp_path, workers, prefetch):
    toolbox_run(random_run("whole"))
    halves = random_run("halves", workers, prefetch)
    toolbox_run(until(halves, 4))
    torch.rand(5)
    toolbox_run(halves, "--auto_resume")
    assert_equal(tmp_path, "whole", "halves")


def test_a_run_that_falls_back_to_an_older_pair_ends_the_same(toolbox_run, tmp_path):
    toolbox_run(random_run("whole"))
    halves = random_run("halves")
    toolbox_run(until(halves, 4))
    network = tmp_path / "experiments/halves/models/net_g_4.pth"
    network.write_bytes(network.read_bytes()[:-100])
    with pytest.warns(UserWarning, match=r"4\.state is passed over"):
        toolbox_run(halves, "--auto_resume")
    assert_equal(tmp_path, "whole", "halves")


def test_a_stop_at_the_end_of_an_epoch_is_no_exception(toolbox_run, tmp_path):
    toolbox_run(random_run("whole"))
    halves = random_run("halves")
    toolbox_run(until(halves, 6))  # two epochs of three
    toolbox_run(halves, "--auto_resume")
    assert_equal(tmp_path, "whole", "halves")


def test_validation_and_its_frequency_change_nothing(toolbox_run, tmp_path):
    toolbox_run(random_run("whole"))
    judged = with_validation(random_run("judged"), "a")
    judged["val"]["val_freq"] = 2
    judged["datasets"]["val_0"]["noise"] = True
    toolbox_run(judged)
    assert_equal(tmp_path, "whole", "judged")


def test_a_flow_network_stays_fixed_in_a_resumed_run(toolbox_run, tmp_path):
    toolbox_run(random_run("whole", fix_flow=6))
    halves = random_run("halves", fix_flow=6)
    toolbox_run(until(halves, 4))
    toolbox_run(halves, "--auto_resume")
    assert_equal(tmp_path, "whole", "halves")


def test_stock_trains_a_fixed_flow_network_after_a_stop(toolbox_run, tmp_path, without_patch):
    without_patch("basicsr.models.video_recurrent_model:VideoRecurrentModel", "optimize_parameters")
    toolbox_run(random_run("halves", fix_flow=7))
    halves = random_run("halves", fix_flow=7)
    toolbox_run(until(halves, 2))
    toolbox_run(until(halves, 4), "--auto_resume")
    weights = [saved(tmp_path, "halves", i)["params"]["spynet.weight"] for i in (2, 4)]
    assert not torch.equal(*weights)


def test_a_seed_that_was_drawn_is_kept(toolbox_run, tmp_path):
    halves = random_run("halves")
    del halves["manual_seed"]
    toolbox_run(until(halves, 2))
    toolbox_run(until(halves, 4), "--auto_resume")
    states = tmp_path / "experiments/halves/training_states"
    seeds = [torch.load(states / f"{i}.state", weights_only=True)["data"]["seed"] for i in (2, 4)]
    assert seeds[0] == seeds[1]


# -------------------------------------------------------------------------------------- the sampler


def places(rank=0, world=1, begin=(0, 0), epoch=0):
    dataset = TinyVideoDataset({"name": "train", "num_clip": 5, "scale": 1})
    sampler = EnlargedSampler(dataset, world, rank, ratio=2)
    assert isinstance(sampler, PlacedSampler)
    sampler.begin = begin
    sampler.set_epoch(epoch)
    return list(sampler)


def test_a_resumed_epoch_goes_on_and_the_next_is_whole():
    assert places(begin=(3, 4), epoch=3) == places(epoch=3)[4:]
    assert places(begin=(3, 4), epoch=4) == places(epoch=4)


def test_processes_share_an_epoch_s_places():
    shared = [place for rank in (0, 1) for place in places(rank, 2)]
    assert sorted(place.number for place in shared) == list(range(10))
    assert {place.number: place for place in shared} == {p.number: p for p in places()}


def test_a_sample_draws_by_its_place_alone():
    options = {"name": "train", "num_clip": 5, "scale": 1, "noise": True}
    samples = PlacedSamples(TinyVideoDataset(options), seed=3)
    first, second = places()[:2]
    one = samples[first]["lq"]
    torch.rand(3)
    assert torch.equal(samples[first]["lq"], one)
    same_clip = second._replace(index=first.index)
    assert not torch.equal(samples[same_clip]["lq"], one)
