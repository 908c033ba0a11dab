"""Parts that all networks on streams share."""
