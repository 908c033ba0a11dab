"""Training of flow networks on exact flow."""
