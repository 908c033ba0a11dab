"""Scores on scenes that a network never saw, beside filters that need no training.

scenes = load_scenes("datasets", frames=2)
rows = score(net, scenes, scale=4, rule="dtof_peak")
mean, worst = mean_and_worst(rows)  # RMSE over that of bilinear
"""

from stdnet_arch.evaluation.zero_shot.scenes import load_scenes
from stdnet_arch.evaluation.zero_shot.scoring import mean_and_worst, score, zero_shot_rows

__all__ = ["load_scenes", "mean_and_worst", "score", "zero_shot_rows"]
