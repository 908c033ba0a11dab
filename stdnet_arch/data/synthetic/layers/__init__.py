"""Layered scenes: rooms full of flat things of all outlines, in batches on any device."""

from stdnet_arch.data.synthetic.layers.scenes import LayerClips, LayerScenes

__all__ = ["LayerClips", "LayerScenes"]
