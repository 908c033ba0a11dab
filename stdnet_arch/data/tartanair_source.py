"""TarTanAir v1 (Wang et al., IROS 2020): rendered flights through 18 environments, 640x480."""

from pathlib import Path

from stdnet_arch.data.source import (
    SOURCE_REGISTRY,
    ClipFolders,
    FileSource,
    child_folders,
    choose_layout,
)

LEVELS = ("Easy", "Hard")
_LAYOUTS = (
    "stdnet = <root>/HR_RGB/<env>/<P###>/{image_left,depth_left}, "
    "native = <root>/<env>/{Easy,Hard}/<P###>/{image_left,depth_left}"
)


@SOURCE_REGISTRY.register()
class TarTanAir(FileSource):
    """Clips ``environment/P###`` of the left camera; depth npy in metres, sky far beyond any range.

    STDNet's layout drops the difficulty level and has LR files of shape ``(1, 1, h, w)``. The same
    ``P###`` is another flight at the other level, so the native layout needs ``level``. (STDNet's
    clips are ``Hard``, to judge by frame counts; the shipped clip lists check the counts.)

    Args:
        root: folder of the dataset.
        layout: ``stdnet``, ``native``, or None to look.
        level: ``Easy`` or ``Hard``; without meaning in STDNet's layout.
    """

    default_range_m = 30.0
    guide_suffixes = (".png",)

    def __init__(self, root: str, layout: str | None = None, level: str | None = None) -> None:
        """Look which layout the root has."""
        super().__init__(root)
        found = {
            "stdnet": (self.root / "HR_RGB").is_dir(),
            "native": any(any(self.root.glob(f"*/{name}/P*")) for name in LEVELS),
        }
        self.layout = choose_layout(layout, found, f"{_LAYOUTS} in {self.root.absolute()}")
        if level not in {None, *LEVELS} or (self.layout == "native" and level is None):
            raise ValueError(
                f"TarTanAir in its native layout needs source_opt level, {' or '.join(LEVELS)};"
                f" got {level!r}"
            )
        self.level = level

    def find_clips(self) -> dict[str, ClipFolders]:
        """Every ``environment/P###`` (of the level)."""
        native = self.layout == "native"
        base = self.root if native else self.root / "HR_RGB"
        return {
            f"{env.name}/{clip.name}": ClipFolders(clip / "image_left", clip / "depth_left")
            for env in child_folders(base)
            for clip in child_folders(env / str(self.level) if native else env)
            if (clip / "depth_left").is_dir()
        }

    def lq_folder(self, clip: str, scale: int) -> Path | None:
        """``LR/X4/environment/P###``, in STDNet's layout."""
        return None if self.layout == "native" else self.root / "LR" / f"X{scale}" / clip
