"""Networks as files for edge devices, checked against torch."""
