"""What all networks on streams share."""
