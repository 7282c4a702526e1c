"""The documentation, tested: links, command lines, codes, and the first hour from end to end."""
