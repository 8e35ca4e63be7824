"""Tables, pages and figures of a data set, one module for each; `page` is how every Markdown page is built."""
