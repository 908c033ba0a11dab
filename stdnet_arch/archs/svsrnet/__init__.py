"""Parts of SVSRNet and of its cross-modal variant."""
