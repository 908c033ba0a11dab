"""The live camera: frames through a network as they come, on screen at once, and recorded."""
