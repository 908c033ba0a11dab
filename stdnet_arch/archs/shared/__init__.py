"""What several networks are built of: blocks, alignment, flow, attention."""
