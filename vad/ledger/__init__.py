"""Records of what made each artefact, and whether it is still right."""
