"""What a workload costs: lenses, the profile record, findings, reports and the command line."""
