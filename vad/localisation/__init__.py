"""Where an anomaly is: spatial ground truth, score maps in pixels of the picture, and metrics of both."""
