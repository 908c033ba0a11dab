"""Networks on endless video, frame by frame and tile by tile."""
