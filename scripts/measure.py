"""Measure time and memory on this machine.

python scripts/measure.py ops                       operators in every form, beside torchvision's
python scripts/measure.py cost options/tiny/*.yml   networks: parameters, arithmetic, ms/frame, MB
python scripts/measure.py speed -o results/speed    STDNet in every form, checked, and its limits;
                                                    streams, steps, filters, training, as ratios
python scripts/measure.py profile options/tiny/tiny_STDNetT.yml    where a frame's time goes
python scripts/measure.py scaling options/tiny/tiny_STDNetT.yml    growth with length, size, batch
python scripts/measure.py loader                    samples per second of the training loader
python scripts/measure.py lq                        frames per second of low-resolution depth
Options of each: python scripts/measure.py SUBJECT --help
"""

import argparse
import itertools
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch import option_file
from stdnet_arch.archs.checkpoints.loading import LoadedNetwork, build_arch
from stdnet_arch.evaluation import cost, op_speed, scaling
from stdnet_arch.evaluation.alternating import load_now, measure_cases, pinned, ratio_table
from stdnet_arch.evaluation.loader_speed import measure, measure_memory_of
from stdnet_arch.evaluation.lq_speed import measure_lq
from stdnet_arch.evaluation.profiling import profile_operators, profile_table
from stdnet_arch.evaluation.run_cost import CostRun
from stdnet_arch.evaluation.scaling_plot import draw_scaling
from stdnet_arch.evaluation.speed.cases import cases_of
from stdnet_arch.evaluation.speed.forms import CPU_COMPILED, forms_of
from stdnet_arch.evaluation.speed.run import SpeedSetting, run_benchmark
from stdnet_arch.inference.export import example
from stdnet_arch.utils.commands import fitting, positive_int, run_script
from stdnet_arch.utils.device import choose_device
from stdnet_arch.utils.whole_file import write_whole
from stdnet_arch.visual.strips import save_png

Add = Callable[..., argparse.Action]
CLASSICAL = ("Interpolated", "JointBilateral", "GuidedFilter", "FastGlobalSmoother")
DTYPES = ("float32", "float16", "bfloat16", "float64")


def add_ops(add: Add) -> None:
    """Add the options of ``ops``."""
    add("--device", default="cpu", help="cpu or cuda (default: cpu)")
    add("--dtype", default="float32", choices=DTYPES)
    add("--batch", type=int, default=1, help="samples (default: 1)")
    add("--threads", type=positive_int, nargs="+", help="of the CPU (default: 1 and all)")
    add("--rounds", type=int, default=5, help="the best counts (default: 5)")
    add("--only", default="", help="cases whose name contains this")
    add("--json", type=Path, help="also write the numbers here")


def run_ops(args: argparse.Namespace) -> None:
    """Measure operators."""
    cases = [case for case in op_speed.CASES if args.only.lower() in case.name.lower()]
    if not cases:
        names = "; ".join(case.name for case in op_speed.CASES)
        sys.exit(f"no case contains {args.only!r}: {names}")
    if min(args.batch, args.rounds) < 1:
        sys.exit("--batch and --rounds must be at least 1")
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit("--device cuda needs a CUDA device, PyTorch finds none")
    op_speed.benchmark(
        cases,
        device=torch.device(args.device),
        dtype=getattr(torch, args.dtype),
        batch=args.batch,
        threads=args.threads or sorted({1, torch.get_num_threads()}),
        rounds=args.rounds,
        json_path=args.json,
    )


def add_cost(add: Add) -> None:
    """Add the options of ``cost``."""
    add("yamls", nargs="*", type=Path, help="options whose network_g is measured")
    add("--classical", action="store_true", help="classical filters, too")
    add("--scale", type=int, default=4, help="of the classical filters")
    add("--sizes", nargs="+", default=cost.SIZES, help="HxW")
    add("--dtypes", nargs="+", default=["float32"], help="float32, bf16, fp16")
    add("--device", default="auto")
    add("--frames", type=int, default=5)
    add("--repeats", type=int, default=5)
    add("-o", "--output", type=Path, help="writes OUTPUT.md and OUTPUT.json")


def run_cost(args: argparse.Namespace) -> None:
    """Measure networks and classical filters, print the rows as they come, write the table."""
    competitors = {n: {"type": n, "scale": args.scale} for n in CLASSICAL if args.classical}
    for path, dtype in itertools.product(args.yamls, args.dtypes):
        network = read_network(path)
        how = {"depth_range_m": 10.0, "device": args.device, "dtype": dtype}
        how |= {"type": "Network", "network": network, "scale": network["scale"]}
        competitors[f"{path.stem} {dtype}"] = how
    sizes = map(cost.read_size, args.sizes)
    settings = [cost.Setting(size, args.frames, repeats=args.repeats) for size in sizes]
    costs = list(cost.measure_all(competitors, settings))
    sys.stdout.write(f"{cost.cost_table(costs).text()}\n")
    if args.output:
        cost.write_costs(args.output, costs)


def read_network(path: Path) -> dict[str, Any]:
    """Read the ``network_g`` of options, with its ``scale``."""
    with fitting(f"{path}"):
        network = dict(option_file.read(path)["network_g"])
        return {**network, "scale": network["scale"]}


def add_speed(add: Add) -> None:
    """Add the options of ``speed``."""
    add("--device", default="auto", help="auto, cpu or cuda")
    add("--size", type=cost.read_size, default=(256, 256), help="HxW (256x256)")
    add("--frames", type=int, default=7, help="of the clip (7)")
    add("--num_feat", type=int, default=64, help="channels (64)")
    add("--rounds", type=int, default=5, help="runs of each form (5)")
    add("--threads", type=positive_int, help="of the CPU (default: PyTorch's)")
    add("--only", nargs="+", help="forms of STDNet by name, beside the plain one; none: no form")
    add("--cases", nargs="+", help="beside STDNet's forms, by name; none: no case")
    add("--stream_size", type=cost.read_size, default=(480, 640), help="HxW of cases (480x640)")
    add("-o", "--output", type=Path, help="writes OUTPUT.md, .json and OUTPUT_cases.md")


def run_speed(args: argparse.Namespace) -> None:
    """Check and measure every form of STDNet, and the cases beside it."""
    device = choose_device(args.device)
    forms = forms_of(device)
    if args.only:
        forms += CPU_COMPILED if device.type == "cpu" else ()
        known = [each.name for each in forms]
        chosen = _chosen(args.only, known, "form")
        forms = tuple(each for each in forms if chosen and (each.plain or each.name in chosen))
    setting = SpeedSetting(args.size, args.frames, args.num_feat, args.rounds)
    cases = cases_of(args.stream_size, args.size)
    names = _chosen(args.cases, list(cases), "case") if args.cases else list(cases)
    with pinned(args.threads or torch.get_num_threads()) as cores:
        if forms:
            run_benchmark(setting, device, args.output, forms)
        if names and device.type == "cpu":
            before = load_now()
            ratios = measure_cases([cases[name] for name in names], args.rounds)
            threads = torch.get_num_threads()
            text = f"Cores {cores}, {threads} threads, {args.rounds} rounds in turn; {before} "
            text += f"before, {load_now()} after.\n\n{ratio_table(ratios).markdown()}"
            sys.stdout.write(text)
            if args.output:
                write_whole(args.output.with_name(f"{args.output.name}_cases.md"), text)


def _chosen(wanted: list[str], known: list[str], what: str) -> list[str]:
    """Those of ``known`` that are wanted; ``none`` is none of them."""
    if wanted == ["none"]:
        return []
    if unknown := set(wanted) - set(known):
        sys.exit(f"no {what} is called {', '.join(sorted(unknown))}; there are: {'; '.join(known)}")
    return [name for name in known if name in wanted]


def add_profile(add: Add) -> None:
    """Add the options of ``profile``."""
    add("yamls", nargs="+", type=Path, help="options whose network_g is profiled")
    add("--size", type=cost.read_size, default=(480, 640), help="HxW (480x640)")
    add("--frames", type=int, default=1, help="of a clip")
    add("--repeats", type=int, default=3)
    add("--depth", type=int, default=1, help="names of modules deep that parts are told apart")


def run_profile(args: argparse.Namespace) -> None:
    """Print processor time by part and kind of operator, on one thread."""
    for path in args.yamls:
        network = dict(option_file.read(path)["network_g"])
        net = build_arch(network).eval()
        clip = example(LoadedNetwork(net, network["scale"], 1.0, {}), args.frames, args.size)
        seconds = profile_operators(net, partial(net, *clip), args.repeats, args.depth)
        table = profile_table(seconds, args.frames)
        sys.stdout.write(f"{path.stem}, {network}\n{table.text(1)}\n\n")


def add_scaling(add: Add) -> None:
    """Add the options of ``scaling``."""
    add("yaml", type=Path, help="options whose network_g is measured")
    add("--size", default="128x128", help="HxW; half and twice of it, too")
    add("--frames", type=int, default=5, help="where length is not what grows")
    add("--device", default="cpu")
    add("--axes", nargs="+", help="only axes whose names begin so")
    add("-o", "--output", type=Path, help="writes OUTPUT.md, .json and .png")


def run_scaling(args: argparse.Namespace) -> None:
    """Measure each point in a process of its own, fit, print, write."""
    network = read_network(args.yaml)
    base = CostRun(network, "clip", args.frames, cost.read_size(args.size), device=args.device)
    axes = scaling.plan_axes(base, torch.cuda.device_count())
    axes = [a for a in axes if not args.axes or a.name.startswith(tuple(args.axes))]
    points: list[scaling.Point] = []
    total = sum(len(axis.values) for axis in axes)
    for point in tqdm(scaling.measure_axes(base, axes), total=total):
        points.append(point)
        if args.output:  # now: a run that is stopped leaves what it has
            scaling.write_scaling(args.output, base, points, scaling.fit_axes(axes, points))
    growths = scaling.growth_table(scaling.fit_axes(axes, points))
    sys.stdout.write(f"{scaling.point_table(points).text()}\n\n{growths.text()}\n")
    if args.output and any(not point.failed for point in points):
        drawn = draw_scaling(scaling.panels_of(axes, points), f"{network['type']}, {args.size}")
        save_png(args.output.with_suffix(".png"), drawn)


def add_loader(add: Add) -> None:
    """Add the options of ``loader``."""
    add("--root", default="datasets/DyDToF", help="DyDToF with LR files")
    add("--samples", type=int, default=120, help="windows per loader and round")
    add("--workers", type=int, default=2, help="processes of the loader")
    add("--rounds", type=int, default=3)
    add("--memory", action="store_true", help="memory over epochs instead")


def run_loader(args: argparse.Namespace) -> None:
    """Measure loaders of raw files, of LMDBs and of whole frames."""
    if args.memory:
        table = measure_memory_of(args.root, args.samples, args.rounds)
    else:
        table = measure(args.root, args.samples, args.workers, args.rounds)
    sys.stdout.write(table.text() + "\n")


def add_lq(add: Add) -> None:
    """Add the options of ``lq``."""
    add("--size", nargs=2, type=int, default=[528, 960], metavar=("H", "W"))
    add("--scale", nargs="+", type=int, default=[4, 8, 16])
    add("--repeats", type=int, default=9)


def run_lq(args: argparse.Namespace) -> None:
    """Measure the rules of low-resolution depth."""
    sys.stdout.write(measure_lq(tuple(args.size), args.scale, args.repeats).text(1) + "\n")


SUBJECTS = {
    "ops": (add_ops, run_ops),
    "cost": (add_cost, run_cost),
    "speed": (add_speed, run_speed),
    "profile": (add_profile, run_profile),
    "scaling": (add_scaling, run_scaling),
    "loader": (add_loader, run_loader),
    "lq": (add_lq, run_lq),
}


def main() -> None:
    """Measure one subject."""
    form = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    subjects = parser.add_subparsers(dest="subject", required=True)
    for name, (add_options, run) in SUBJECTS.items():
        subject = subjects.add_parser(name, help=run.__doc__)
        add_options(subject.add_argument)
    args = parser.parse_args()
    SUBJECTS[args.subject][1](args)


if __name__ == "__main__":
    run_script(main, "stopped; the same command begins again")
