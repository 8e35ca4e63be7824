"""The extractors: each module has Config and Extractor."""
