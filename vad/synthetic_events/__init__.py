"""The films of `mini_crime`: everyday life, distractions, and one kind of event for each class of UCF-Crime."""
