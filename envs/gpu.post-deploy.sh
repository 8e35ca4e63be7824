#!/usr/bin/env bash
# Runs inside the new conda environment, from the project's folder.
set -euo pipefail
pip install --quiet --no-deps --require-hashes -r envs/gpu.lock
