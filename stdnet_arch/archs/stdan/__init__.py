"""The parts of STDAN: interpolation of missing frames and deformable aggregation."""
