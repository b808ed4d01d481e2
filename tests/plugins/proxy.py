#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""proxy.py PORT FLAG: passes connections on to a port of the loopback interface, until the
file FLAG exists: from then on it drops what comes, and says nothing.  Prints its own port."""
import os
import socket
import sys
import threading


def passes_on(source, target, flag):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            if not os.path.exists(flag):
                target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def main():
    server = socket.create_server(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    while True:
        client, _ = server.accept()
        target = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        for pair in ((client, target), (target, client)):
            threading.Thread(target=passes_on, args=(*pair, sys.argv[2]), daemon=True).start()


main()
