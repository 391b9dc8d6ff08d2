# Runs a Python module's program as it is, but for two things: what it binds, it binds on the loopback, and what it writes below
# /tmp, it writes nowhere. Arguments: the module, then the program's own.
import builtins
import os
import runpy
import socket
import sys

LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::ffff:127.0.0.1"}
anywhere_bind = socket.socket.bind
anywhere_open = builtins.open


def bind(self, address):
    host = LOOPBACK.get(self.family)
    return anywhere_bind(self, address if host is None else (host, *address[1:]))


def open_but_not_in_tmp(file, mode="r", *rest, **named):
    if isinstance(file, str) and file.startswith("/tmp/") and mode[0] in "wax":
        file = os.devnull
    return anywhere_open(file, mode, *rest, **named)


socket.socket.bind = bind
builtins.open = open_but_not_in_tmp
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
