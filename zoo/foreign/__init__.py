"""Files that other libraries write, read as data: nothing in them is imported, called or run."""
