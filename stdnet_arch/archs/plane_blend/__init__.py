"""Parts of PlaneBlend."""
