"""The report of runs: what their directories hold, as one page and as notes."""
