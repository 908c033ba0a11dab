"""Low-resolution depth made from ground truth, as a sensor would give it."""
