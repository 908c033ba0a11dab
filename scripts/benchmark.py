"""Compare methods: train what has no weights, judge all on the same clips, write a report.

python scripts/benchmark.py --config options/benchmark/DyDToF_sample_x4.yml [--resume]
python scripts/benchmark.py --compare before.json after.json
"""

import argparse
import sys
from pathlib import Path

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.evaluation.benchmark.benchmark import Workplace, check_plan, measure_costs
from stdnet_arch.evaluation.benchmark.benchmark_plan import read_plan
from stdnet_arch.evaluation.benchmark.benchmark_report import write_report
from stdnet_arch.evaluation.benchmark.benchmark_results import (
    compare,
    compare_table,
    has_failed,
    markdown,
    read_summary,
    summary,
    write_summary,
)
from stdnet_arch.evaluation.benchmark.benchmark_samples import sample_pictures
from stdnet_arch.evaluation.benchmark.fair import run_any
from stdnet_arch.evaluation.zero_shot.command import run_from_options
from stdnet_arch.evaluation.zero_shot.plan import KIND
from stdnet_arch.option_file import merge_bases
from stdnet_arch.utils.commands import fitting, run_script
from stdnet_arch.utils.folder_lock import hold_folder
from stdnet_arch.utils.yaml_file import load_mapping


def main() -> int:
    """Run a benchmark, or compare two; 1 if a method failed or got worse."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--config", type=Path, help="what to run: a YAML of options/benchmark/")
    parser.add_argument("--models", nargs="+", help="only these")
    parser.add_argument("--out", type=Path, default=Path("results/benchmark"))
    parser.add_argument("--resume", action="store_true", help="continue with what is there")
    parser.add_argument("--show-data", action="store_true", help="pictures with RGB and truth")
    parser.add_argument("--compare", type=Path, nargs=2, metavar=("BEFORE", "AFTER"))
    parser.add_argument("--tolerance", type=float, default=0.01, help="share that does not count")
    args = parser.parse_args()
    if args.compare:
        before, after = (read_summary(path) for path in args.compare)
        changes = compare(before, after, args.tolerance)
        sys.stdout.write(compare_table(changes).text(digits=3) + "\n")
        return int(any(change.is_worse for change in changes))
    if args.config is None:
        parser.error("give --config or --compare")
    options = merge_bases(load_mapping(args.config), args.config, load_mapping)
    if options.get("kind") == KIND:
        sys.stdout.write(run_from_options(options, args.out, args.models, args.resume))
        return 0
    with fitting(f"{args.config}"):
        plan = read_plan(options, args.models)
        check_plan(plan)
    place = Workplace(args.out / plan.name, Path.cwd())
    with hold_folder(place.out):
        results, fair = run_any(plan, place, args.resume, str(args.config))
        found = summary(plan, results, measure_costs(plan, place, args.resume), fair)
        write_summary(found, place.out)
        pictures = sample_pictures(found, plan.test, plan.scale, place.out, args.show_data)
        write_report(found, place.out / f"{plan.name}.html", pictures)
    sys.stdout.write(markdown(found) + f"\nwrote {place.out / plan.name}.html\n")
    return int(any(has_failed(result) for result in found["results"]))


if __name__ == "__main__":
    sys.exit(run_script(main, "stopped; the same command with --resume continues where it stopped"))
