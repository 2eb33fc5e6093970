"""The command line: click commands that parse, call one function of the layers below, and print its result.

`shell` is the root and lists every command; `command` is what all commands share; `failures` turns exceptions
into messages and exit codes. Nothing outside this package knows click. Heavy imports stand inside functions.
"""
