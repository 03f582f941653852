"""Web servers and service managers of a test: started privately, each with its own configuration, port and socket."""

import socket
import subprocess
from pathlib import Path

from fleet import Daemon, wait_for
from site_under_test import OWNER

NGINX = """\
user {owner};
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    include /etc/nginx/mime.types;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_requests 100000;
    include {vhosts}/*;
}}
"""

APACHE_MODULES = ("mpm_event", "authz_core", "alias", "headers", "mime", "proxy", "proxy_http", "rewrite", "setenvif", "unixd")
APACHE = """\
ServerRoot {directory}
ServerName localhost
PidFile {directory}/apache.pid
ErrorLog {directory}/apache.log
DefaultRuntimeDir {directory}
User {owner}
Group {owner}
{modules}
TypesConfig /etc/mime.types
Listen {address}:{port}
KeepAlive on
MaxKeepAliveRequests 0
IncludeOptional {vhosts}/*.conf
"""

SUPERVISOR = """\
[unix_http_server]
file={directory}/supervisor.sock
[supervisord]
logfile={directory}/supervisor.log
pidfile={directory}/supervisor.pid
childlogdir={directory}
nodaemon=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{directory}/supervisor.sock
[include]
files = {programs}/*.conf
"""

# A manager of its own needs no more of the machine than a directory that says that systemd is there.
SYSTEMD = """\
mount --make-rprivate /
mkdir -p /run/systemd
mount -t tmpfs tmpfs /run/systemd
mkdir /run/systemd/system
exec /lib/systemd/systemd --user --log-target=console --log-level=warning
"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Part:
    """One server, in a directory of its own."""

    def __init__(self, directory, name):
        self.directory = Path(directory) / name
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o755)
        self.files = self.directory / "files"  # what the worker writes
        self.files.mkdir()
        self.daemon = None

    def run(self, argv, environment=None):
        self.daemon = Daemon([str(word) for word in argv], self.directory / "output", environment)
        self.daemon.start()

    def log(self):
        return "\n".join(path.read_text(errors="replace") for path in self.directory.glob("*.log"))

    def stop(self):
        if self.daemon:
            self.daemon.stop()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Nginx(Part):
    name = "nginx"

    def __init__(self, directory):
        super().__init__(directory, "nginx")
        self.port = free_port()
        self.configuration = self.directory / "nginx.conf"
        self.configuration.write_text(NGINX.format(directory=self.directory, vhosts=self.files, owner=OWNER))
        self.argv = ["/usr/sbin/nginx", "-p", self.directory, "-e", self.directory / "nginx.log", "-c", self.configuration]

    def start(self):
        self.run([*self.argv, "-g", "daemon off;"])
        wait_for(lambda: (self.directory / "nginx.pid").exists() and (self.directory / "nginx.pid").read_text().strip(),
                 "nginx runs", 20)

    def options(self):
        words = " ".join(map(str, self.argv))
        return f"[nginx]\ntest = {words} -t\nreload = {words} -s reload\nvhosts = {self.files}\n"


class Apache(Part):
    name = "apache"

    def __init__(self, directory):
        super().__init__(directory, "apache")
        self.port = free_port()
        modules = "\n".join(f"LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so" for module in APACHE_MODULES
                            if Path(f"/usr/lib/apache2/modules/mod_{module}.so").exists())
        self.configuration = self.directory / "apache.conf"
        self.configuration.write_text(APACHE.format(directory=self.directory, vhosts=self.files, modules=modules, owner=OWNER,
                                                    address="127.0.0.1", port=self.port))
        self.argv = ["/usr/sbin/apache2", "-d", self.directory, "-f", self.configuration]

    def start(self):
        self.run([*self.argv, "-D", "FOREGROUND"])
        wait_for(lambda: listens(self.port), "Apache listens", 20)

    def options(self):
        words = " ".join(map(str, self.argv))
        return f"[apache]\ntest = {words} -t\nreload = {words} -k graceful\nvhosts = {self.files}\n"


class Supervisor(Part):
    name = "supervisor"

    def __init__(self, directory):
        super().__init__(directory, "supervisor")
        self.configuration = self.directory / "supervisord.conf"
        self.configuration.write_text(SUPERVISOR.format(directory=self.directory, programs=self.files))
        self.ctl = ["/usr/bin/supervisorctl", "-c", str(self.configuration)]

    def start(self):
        self.run(["/usr/bin/supervisord", "-c", self.configuration])
        wait_for(lambda: subprocess.run([*self.ctl, "pid"], capture_output=True).returncode == 0, "supervisor answers", 20)

    def options(self):
        return f"[supervisor]\ncommand = {' '.join(self.ctl)}\nprograms = {self.files}\n"

    def hide(self):
        """Nobody can speak to it: its programs go on."""
        path = self.directory / "supervisor.sock"
        return path, path.rename(path.with_suffix(".hidden"))

    def show(self, hidden):
        hidden[1].rename(hidden[0])

    def programs(self):
        """Names of what runs."""
        lines = subprocess.run([*self.ctl, "status"], capture_output=True, text=True).stdout.splitlines()
        return {line.split()[0] for line in lines if len(line.split()) > 1 and line.split()[1] in ("RUNNING", "STARTING")}

    def known(self):
        lines = subprocess.run([*self.ctl, "status"], capture_output=True, text=True).stdout.splitlines()
        return {line.split()[0] for line in lines}


class Systemd(Part):
    name = "systemd"

    def __init__(self, directory):
        super().__init__(directory, "systemd")
        self.runtime = self.directory / "run"
        self.runtime.mkdir(mode=0o700)
        self.ctl = ["/usr/bin/env", f"XDG_RUNTIME_DIR={self.runtime}", f"SYSTEMD_UNIT_PATH={self.files}:", "HOME=/nonexistent",
                    "/usr/bin/systemctl", "--user"]

    def start(self):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.directory), "XDG_RUNTIME_DIR": str(self.runtime),
                       "SYSTEMD_UNIT_PATH": f"{self.files}:"}
        self.run(["/usr/bin/unshare", "--mount", "/bin/sh", "-ec", SYSTEMD], environment)
        wait_for(lambda: (self.runtime / "systemd/private").exists() and
                 subprocess.run([*self.ctl, "is-system-running"], capture_output=True).returncode in (0, 1),
                 "systemd answers", 20)

    def hide(self):
        path = self.runtime / "systemd"
        return path, path.rename(self.runtime / "hidden")

    def show(self, hidden):
        hidden[1].rename(hidden[0])

    def options(self):
        return f"[systemd]\ncommand = {' '.join(self.ctl)}\nunits = {self.files}\n"

    def programs(self):
        listed = subprocess.run([*self.ctl, "list-units", "--plain", "--no-legend", "--type=service", "--state=running"],
                                capture_output=True, text=True).stdout
        return {line.split()[0].removesuffix(".service") for line in listed.splitlines()}

    def known(self):
        listed = subprocess.run([*self.ctl, "list-units", "--all", "--plain", "--no-legend", "--type=service"],
                                capture_output=True, text=True).stdout
        return {line.split()[0].removesuffix(".service") for line in listed.splitlines()}

    def stop(self):
        for program in self.programs():
            subprocess.run([*self.ctl, "stop", program], capture_output=True)
        super().stop()
