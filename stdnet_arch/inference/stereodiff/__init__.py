"""RGB video to consistent depth video in stages: matching, one diffusion step, STDNet."""
