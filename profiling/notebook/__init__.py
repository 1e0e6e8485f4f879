"""What people type in a notebook: functions that return records which show themselves."""
