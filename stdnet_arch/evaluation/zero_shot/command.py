"""The zero-shot benchmark from its options to its page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stdnet_arch.evaluation.zero_shot.plan import read_zero_shot_plan
from stdnet_arch.evaluation.zero_shot.report import write_zero_shot_report
from stdnet_arch.evaluation.zero_shot.run import run_zero_shot
from stdnet_arch.evaluation.zero_shot.scenes import load_scenes
from stdnet_arch.evaluation.zero_shot.summary import as_text, sum_up, write_summary
from stdnet_arch.utils.commands import fitting
from stdnet_arch.utils.folder_lock import hold_folder
from stdnet_arch.utils.names import check_name


def run_from_options(
    options: Mapping[str, Any], out: Path, only: Sequence[str] | None, resume: bool
) -> str:
    """Run a zero-shot benchmark and write its summary and its page.

    Args:
        options: the YAML as a mapping.
        out: a folder with the benchmark's name is made in it.
        only: names of methods to run; None: all.
        resume: continue with what is there.

    Returns:
        All tables as text, and where the page lies.
    """
    with fitting("the options of the benchmark"):
        plan = read_zero_shot_plan(options, only)
        names = [plan.name, *(scene.name for scene in plan.scenes)]
        for name in (*names, *(rule.name for rule in plan.rules)):
            check_name(name, "the name of the benchmark, of a scene or of a rule")
    scenes = load_scenes(plan.dataroot, plan.frames, plan.scenes)
    place = out / plan.name
    with hold_folder(place):
        found = sum_up(plan, run_zero_shot(plan, scenes, place, resume))
        write_summary(found, place)
        page = write_zero_shot_report(found, plan, scenes, place)
    return f"{as_text(found)}\nwrote {page}\n"
