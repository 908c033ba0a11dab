"""Parts of DFlow and DFlowDepth."""
