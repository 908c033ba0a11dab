"""Textured worlds: clips rendered from packed meshes, exact in depth, motion and cameras."""
