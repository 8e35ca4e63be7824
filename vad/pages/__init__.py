"""HTML pages of scored videos, which need neither a server nor a network, and a local server for a folder of them."""
