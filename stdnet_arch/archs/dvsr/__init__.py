"""Parts of DVSR."""
