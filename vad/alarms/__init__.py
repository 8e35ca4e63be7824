"""Alarms: from the scores of a video to alarms, and how well alarms find annotated events."""
