"""Parts that several networks share: blocks, alignment, optical flow, attention."""
