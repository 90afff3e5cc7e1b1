"""The playground: a page in the browser where a table is trained live."""
