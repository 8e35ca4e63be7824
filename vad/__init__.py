"""VAD Ledger: video anomaly detection, reproducible from raw video to every table."""
