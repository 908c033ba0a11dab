"""The benchmark: plans, competitors, results and reports."""
