"""Files in the shipped form: strict, small, and told about by their cards."""

import pytest
import torch
from basicsr.archs import build_network
from shaken_nets import shaken_net
from weights_parts import NETWORK_G, make_facts

from stdnet_arch.archs.checkpoints.adapters import save_checkpoint
from stdnet_arch.archs.checkpoints.loading import load_network
from stdnet_arch.weights import list_shipped
from stdnet_arch.weights.__main__ import flow_table, main, weights_table
from stdnet_arch.weights.publishing import (
    CARDS,
    card,
    load_trained,
    replace_cards,
    scale_expected_errors,
    write_weights,
)
from stdnet_arch.weights.shipped import FOLDER

OPTIONS = {**NETWORK_G, "scale": 4}
PLANES = {"type": "PlaneBlend", "num_feat": 8, "num_block": [1, 1, 1], "detail": 4}
SCORE = {
    "rule": "dtof_peak",
    "ratio_mean": 0.6,
    "ratio_worst": 0.71,
    "scenes": {"hall": [12.34, 5.67]},
}


def test_a_written_network_loads_to_half_precision(ship):
    one = ship("a_x4")
    torch.manual_seed(4)
    expected = build_network(dict(OPTIONS)).state_dict()
    loaded = load_network(one.path)
    assert loaded.depth_range_m == 20.0
    for name, value in loaded.net.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-4)


def test_expected_errors_are_scaled_and_predictions_stay():
    net = shaken_net({**PLANES, "temporal": False})
    lq, guide = 2 + torch.rand(1, 2, 1, 5, 7), torch.rand(1, 2, 3, 20, 28)
    with torch.no_grad():
        before = net(lq, guide)
        scale_expected_errors(net, 0.6)
        after = net(lq, guide)
    torch.testing.assert_close(after["error"], 0.6 * before["error"])
    torch.testing.assert_close(after["pred"], before["pred"], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("options", "factor", "said"),
    [
        (OPTIONS, 0.5, "scaled in a PlaneBlend; got DFlowDepth"),
        ({**PLANES, "scale": 4}, 0.5, "memory reads them"),
        ({**PLANES, "scale": 4, "temporal": False}, 0, "must be a number > 0; got 0"),
    ],
)
def test_errors_that_cannot_be_scaled_are_refused(options, factor, said):
    with pytest.raises(ValueError, match=said):
        scale_expected_errors(build_network(dict(options)), factor)


def test_options_of_another_network_are_refused(tmp_path):
    net = build_network(dict(OPTIONS))
    other = {**OPTIONS, "num_feat": 16}
    with pytest.raises(ValueError, match="does not make"):
        write_weights(tmp_path / "a.safetensors", other, net, make_facts())


def test_values_beyond_half_precision_are_refused(tmp_path):
    net = build_network(dict(OPTIONS))
    name, value = next(iter(net.named_parameters()))
    value.data.view(-1)[0] = 1e6
    with pytest.raises(ValueError, match=name):
        write_weights(tmp_path / "a.safetensors", OPTIONS, net, make_facts())


def test_a_large_file_is_refused_and_not_left_behind(tmp_path):
    options = {"type": "SVSRNet", "scale": 4}
    path = tmp_path / "a.safetensors"
    with pytest.raises(ValueError, match="4000000 bytes"):
        write_weights(path, options, build_network(dict(options)), make_facts())
    assert not path.exists()


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match="safetensors"):
        write_weights(tmp_path / "a.pth", OPTIONS, build_network(dict(OPTIONS)), make_facts())


def test_a_sensor_that_nobody_can_ask_for_is_refused():
    with pytest.raises(ValueError, match="kinect"):
        make_facts(sensors=["dtof", "kinect"])


def test_the_moving_average_of_a_training_is_taken(tmp_path):
    last, mean = (build_network(dict(OPTIONS)) for _ in range(2))
    path = tmp_path / "net_g.pth"
    torch.save({"params": last.state_dict(), "params_ema": mean.state_dict()}, path)
    taken = load_trained(path, OPTIONS).state_dict()
    assert all(torch.equal(value, taken[name]) for name, value in mean.state_dict().items())


def test_several_trainings_give_their_mean(tmp_path):
    nets = [build_network(dict(OPTIONS)) for _ in range(3)]
    paths = [tmp_path / f"net_{i}.pth" for i in range(3)]
    for net, path in zip(nets, paths, strict=True):
        for i, value in enumerate(net.parameters()):
            torch.nn.init.constant_(value, float(i + 2 * nets.index(net)))
        torch.save({"params": net.state_dict()}, path)
    taken = load_trained(paths[0], OPTIONS, *paths[1:])
    for i, value in enumerate(taken.parameters()):
        torch.testing.assert_close(value, torch.full_like(value, i + 2.0))


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    path = tmp_path / "net_g.pth"
    torch.save({"params": torch.nn.Linear(2, 3).state_dict()}, path)
    with pytest.raises(ValueError, match="does not fit"):
        load_trained(path, OPTIONS)


def test_a_card_tells_network_sensors_command_and_scores(ship):
    text = card(ship("a_x4", zero_shot=[SCORE], note="Rooms, 5 minutes."))
    for part in ("num_feat: 8", "20 m", "dtof", "some.yml", "0123456789ab", "0.710", "12.34"):
        assert part in text
    assert "Rooms, 5 minutes." in text


def test_cards_replace_what_stood_between_the_marks(ship):
    page = f"head\n{CARDS[0]}\nold\n{CARDS[1]}\ntail\n"
    renewed = replace_cards(page, [ship("a_x4")])
    assert renewed.startswith("head\n")
    assert renewed.endswith("\ntail\n")
    assert "### a_x4" in renewed
    assert "old" not in renewed


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="once each"):
        replace_cards("head", [])


def test_the_list_has_a_row_per_score(ship):
    other = {**SCORE, "rule": "area"}
    table = weights_table([ship("a_x4", zero_shot=[SCORE, other]), ship("b_x8", scale=8)])
    assert [(row[0], row[4], row[6]) for row in table.rows] == [
        ("a_x4", "dtof_peak", "0.600"),
        ("a_x4", "area", "0.600"),
        ("b_x8", "dtof_peak", "-"),
    ]


def test_flow_networks_have_a_list_of_their_own(capsys, tmp_path):
    level = torch.nn.Conv2d(8, 2, 7)
    about = {"network_g": {"type": "SpyNet"}, "epe_px": 0.5, "epe_of_no_motion_px": 1.25}
    path = tmp_path / "spynet.safetensors"
    save_checkpoint(level, path, about=about)
    rows = flow_table(list_shipped(tmp_path)).rows
    size = f"{path.stat().st_size / 1e6:.2f}"
    assert rows == [("spynet", "SpyNet", size, "0.500", "1.250")]
    assert main([]) == 0
    shipped, flows = capsys.readouterr().out.split("flow_weights")
    assert "plane_blend_x4" in shipped
    assert "spynet" in flows


def test_the_cards_of_the_package_are_those_of_its_files():
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert page == replace_cards(page, list_shipped())
