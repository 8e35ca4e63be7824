"""The results as pages for a browser: one page over everything, and a page of each test video."""
