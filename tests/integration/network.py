"""Where the programs of a test run: each in a network namespace of its own, or side by side on 127.0.0.1."""

import ipaddress
import os
import re
import socket
import subprocess

PREFIX = "us"


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


class Place:
    """A network address and the way to start a program that has it."""

    def __init__(self, address, namespace=None):
        self.address = address
        self.namespace = namespace

    def argv(self, argv):
        return ["ip", "netns", "exec", self.namespace, *argv] if self.namespace else list(argv)


class Loopback:
    separate = False

    def place(self, name):
        return Place("127.0.0.1")

    def cut(self, place):
        raise NotImplementedError("one machine has no cable to pull")

    def free_port(self, place):
        """A free port whose successor is free too."""
        while True:
            with socket.socket() as first, socket.socket() as second:
                first.bind((place.address, 0))
                port = first.getsockname()[1]
                try:
                    second.bind((place.address, port + 1))
                except OSError:
                    continue
                return port

    def close(self):
        pass


class Namespaces:
    """A switch in a namespace of its own, and one cable from it to each place."""

    separate = True
    made = 0

    def __init__(self):
        Namespaces.made += 1
        self.name = f"{PREFIX}{os.getpid()}x{Namespaces.made}"
        self.addresses = ipaddress.ip_network("10.91.0.0/24").hosts()
        self.places = []
        ip("netns", "add", self.name)
        ip("-n", self.name, "link", "add", "switch", "type", "bridge")
        ip("-n", self.name, "link", "set", "switch", "up")

    def place(self, name):
        namespace, cable, address = f"{self.name}-{name}", f"c{len(self.places)}", str(next(self.addresses))
        ip("netns", "add", namespace)
        self.places.append(namespace)
        ip("-n", self.name, "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        ip("-n", self.name, "link", "set", cable, "master", "switch", "up")
        ip("-n", namespace, "address", "add", f"{address}/24", "dev", "eth0")
        ip("-n", namespace, "link", "set", "eth0", "up")
        ip("-n", namespace, "link", "set", "lo", "up")
        return Place(address, namespace)

    def cable(self, place, state):
        """Pulls (`down`) or puts back (`up`) the cable of a place."""
        ip("-n", self.name, "link", "set", f"c{self.places.index(place.namespace)}", state)

    def free_port(self, place):
        return 7700

    def close(self):
        for namespace in [*self.places, self.name]:
            ip("netns", "delete", namespace)


def sweep():
    """Removes the namespaces of test runs that were killed."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    for name in re.findall(rf"^{PREFIX}(\d+)x\S*", listed, re.M):
        if not os.path.exists(f"/proc/{name}"):
            for namespace in re.findall(rf"^({PREFIX}{name}x\S*)", listed, re.M):
                subprocess.run(["ip", "netns", "delete", namespace], capture_output=True)


def available():
    """Whether namespaces can be made here; a reason when not."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"{PREFIX}{os.getpid()}xprobe"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if done.returncode:
        return f"no network namespaces here: {done.stderr.strip()}"
    ip("netns", "delete", name)
    return None


def make():
    return Loopback() if available() else Namespaces()
