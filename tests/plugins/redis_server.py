#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Plays what a real Redis server cannot be made to do, or not at the right moment.
# redis_server.py FILE: prints its port; FILE holds what scripts, SCAN and SENTINEL are
# answered, read anew for each: an error's text, or one of the words below.  FILE.log gets each command.
import socket, sys, threading, time

path = sys.argv[1]
open(path, "w").close()

def mode():
    with open(path) as file:
        return file.read().strip()

def command(stream):
    head = stream.readline()
    if not head.startswith(b"*"):
        return None
    words = []
    for _ in range(int(head[1:])):
        size = int(stream.readline()[1:])
        words.append(stream.read(size + 2)[:-2])
    return words

def answer(connection, words, said):
    name = words[0].upper().decode()
    if name == "INFO":
        text = b"# Cluster\r\ncluster_enabled:%d\r\n" % (said == "cluster")
        connection.sendall(b"$%d\r\n%s\r\n" % (len(text), text))
    elif name == "SENTINEL" and said.startswith("sentinel "):
        port = said.split()[1].encode()
        connection.sendall(b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%s\r\n" % (len(port), port))
    elif name not in ("EVALSHA", "EVAL", "SCAN", "SENTINEL"):
        connection.sendall(b"+OK\r\n")
    elif said == "vanish":          # done, who knows, and not answered
        return False
    elif said == "once":            # answered, and then closed
        connection.sendall(b"*2\r\n$1\r\n1\r\n:-1\r\n")
        return False
    elif said == "double":          # SCAN may say a key twice
        if name == "SCAN":
            connection.sendall(b"*2\r\n$1\r\n0\r\n*3\r\n$1\r\nb\r\n$1\r\na\r\n$1\r\nb\r\n")
        else:
            keys = int(words[2])
            connection.sendall(b"*%d\r\n" % (2 * keys) + b"$1\r\n1\r\n:-1\r\n" * keys)
    elif said == "web":             # another service
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    elif said == "odd":             # an answer, to another question
        connection.sendall(b"+OK\r\n")
    elif said == "half":            # the begin of an answer, and no more
        connection.sendall(b"*2\r\n$100\r\nabc")
    elif said == "drip":            # a byte now and then, for ever
        connection.sendall(b"*2\r\n$100000\r\n")
        for _ in range(1000):
            connection.sendall(b"x")
            time.sleep(0.05)
    elif said == "flood":           # without end
        connection.sendall(b"*2\r\n$500000000\r\n")
        for _ in range(500):
            connection.sendall(b"x" * 1000000)
        return False
    else:
        connection.sendall(b"-%s\r\n" % said.encode())
    return True

def serve(connection):
    stream = connection.makefile("rb")
    try:
        while True:
            words = command(stream)
            if not words:
                break
            with open(path + ".log", "a") as log:
                log.write(words[0].decode() + "\n")
            if not answer(connection, words, mode()):
                break
    except OSError:
        pass
    stream.close()
    connection.close()

server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
