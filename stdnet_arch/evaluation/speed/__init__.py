"""Speed and exactness of networks in every form, measured in turn."""
