"""The parts of STDNet, one box of the paper's pipeline figure per file."""
