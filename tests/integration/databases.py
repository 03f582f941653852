"""A site's database as a test reads and changes it, beside the site: one class for each engine, by the name of the
engine in the site's settings."""

import contextlib
import os
import re
import sqlite3
import subprocess

from servers import server


def open(engine, path):
    """The database at `path`; on a server, of the path's last part."""
    return ENGINES[engine](path)


def empty(kind):
    return "" if re.match("varchar|character|text|char|longtext", kind, re.I) else "0"


class Sqlite:
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return str(self.path)

    def __str__(self):
        return str(self.path)

    def execute(self, statement, values=()):
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as database, database:
            return database.execute(statement, values).fetchall()

    def counts(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {
                table: database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables
            }

    def insert(self, table, given):
        row = {}
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as database, database:
            for _, column, kind, not_null, _, key in database.execute(f'PRAGMA table_info("{table}")'):
                if column in given:
                    row[column] = given[column]
                elif not_null and not key:
                    row[column] = empty(kind)
            columns = ", ".join(f'"{column}"' for column in row)
            statement = f'INSERT INTO "{table}" ({columns}) VALUES ({", ".join("?" * len(row))})'
            return database.execute(statement, list(row.values())).lastrowid


class OnServer:
    """Through the engine's own client, as its administrator. Rows are texts."""

    def __init__(self, path):
        self.name = path.name
        self.server = server(self.engine)

    def run(self, text, name):
        done = subprocess.run(self.argv(name), input=text, text=True, capture_output=True, timeout=60)
        if done.returncode:
            raise AssertionError(f"{text}\n{done.stderr}")
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]

    def execute(self, statement, values=()):
        """Question marks stand for values."""
        parts = statement.split("?")
        text = parts[0] + "".join(self.literal(value) + part for value, part in zip(values, parts[1:], strict=True))
        return self.run(text + ";", self.name)

    def counts(self):
        tables = [row[0] for row in self.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema = " +
            self.SCHEMA)]
        rows = self.execute(" UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in tables))
        return {table: int(count) for table, count in rows}

    def insert(self, table, given):
        row = {}
        for column, kind, null, automatic in self.execute(
                "SELECT column_name, data_type, is_nullable, " + self.AUTOMATIC + " FROM information_schema.columns "
                f"WHERE table_name = '{table}' AND table_schema = " + self.SCHEMA):
            if column in given:
                row[column] = given[column]
            elif null == "NO" and automatic != "YES":
                row[column] = "false" if kind == "boolean" else empty(kind)
        columns, marks = ", ".join(row), ", ".join("?" * len(row))
        key = next(iter(row)) if "id" not in self.columns(table) else "id"
        return int(self.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks}) RETURNING {key}", row.values())[0][0])

    def columns(self, table):
        return {row[0] for row in self.execute(
            f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' AND table_schema = " +
            self.SCHEMA)}

    def databases(self):
        """Every database and every user of the server."""
        return {row[0] for row in self.run(self.EVERYTHING, self.MAINTENANCE)}

    def dump(self):
        """The whole content, as the engine's own tool writes it."""
        return subprocess.run(self.dump_argv(), check=True, capture_output=True, timeout=60).stdout


class Postgresql(OnServer):
    engine = "postgresql"
    staging = "-understudy-staging"
    SCHEMA, AUTOMATIC, MAINTENANCE = "'public'", "is_identity", "postgres"
    EVERYTHING = "SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'"

    def literal(self, value):
        return "'" + str(value).replace("'", "''") + "'"

    def words(self, program):
        other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
        return [*other, program, "-h", self.server.socket, "-p", self.server.port, "-U", "postgres"]

    def argv(self, name):
        return [*self.words("psql"), "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", name]

    def dump_argv(self):
        return [*self.words("pg_dump"), "--restrict-key=x", self.name]

    @property
    def create_statement(self):
        return f'CREATE DATABASE "{self.name}"'

    def with_user(self, password):
        return [f"CREATE ROLE \"{self.name}\" LOGIN PASSWORD '{password}'", f'{self.create_statement} OWNER "{self.name}"']

    @property
    def drop_statement(self):
        return f'DROP DATABASE "{self.name}"'

    def server_log(self):
        return (self.server.directory / "log").read_text()

    def by_file(self, directory, password):
        """A section of DATABASES that leads here by what stands in files; those are written."""
        services, passwords = directory / "services", directory / "passwords"
        services.write_text(f"[production]\nhost={self.server.socket}\nport={self.server.port}\n"
                            f"user={self.name}\ndbname={self.name}\n")
        passwords.write_text("*:*:*:*:" + password.replace("\\", "\\\\").replace(":", "\\:") + "\n")
        passwords.chmod(0o600)
        return (f"[__import__('os').environ.update(PGSERVICEFILE='{services}'), dict(ENGINE='django.db.backends.postgresql', "
                f"OPTIONS=dict(service='production', passfile='{passwords}'))][1]")

    def forward_host(self, directory):
        """What HOST is to be when production is reached by another socket; and the sockets, the new one first."""
        return directory

    def forward_paths(self, directory):
        name = f".s.PGSQL.{self.server.port}"
        return directory / name, f"{self.server.socket}/{name}"

    def lock_statements(self, tables):
        """As soon as there are tables."""
        return ["BEGIN;", *(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;" for table in tables)]

    def somebody_waits(self):
        return self.run(f"SELECT 1 FROM pg_stat_activity WHERE datname = '{self.name}' AND wait_event_type = 'Lock'",
                        self.MAINTENANCE)


class Mysql(OnServer):
    engine = "mysql"
    staging = "_understudy_staging"
    SCHEMA, MAINTENANCE = "database()", "information_schema"
    AUTOMATIC = "if(extra LIKE '%auto_increment%', 'YES', 'NO')"
    EVERYTHING = "SELECT schema_name FROM schemata UNION SELECT user FROM mysql.global_priv"

    def literal(self, value):
        return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"

    def words(self, program):
        return [program, "--no-defaults", "-S", self.server.socket, "-u", "root", "--default-character-set=utf8mb4"]

    def argv(self, name):
        return [*self.words("mariadb"), "--batch", "--skip-column-names", name]

    def dump_argv(self):
        return [*self.words("mariadb-dump"), "--skip-dump-date", "--single-transaction", self.name]

    @property
    def create_statement(self):
        return f"CREATE DATABASE `{self.name}`"

    def with_user(self, password):
        return [f"CREATE USER '{self.name}'@'%' IDENTIFIED BY '{password}'", self.create_statement,
                f"GRANT ALL PRIVILEGES ON `{self.name}`.* TO '{self.name}'@'%'"]

    @property
    def drop_statement(self):
        return f"DROP DATABASE `{self.name}`"

    def server_log(self):
        return (self.server.directory / "log").read_text()

    def by_file(self, directory, password):
        options = directory / "client.cnf"
        quoted = password.replace("\\", "\\\\").replace('"', '\\"')
        options.write_text(f"[client]\nsocket={self.server.socket}\nuser={self.name}\ndatabase={self.name}\n"
                           f'password="{quoted}"\n')
        options.chmod(0o600)
        return f"dict(ENGINE='django.db.backends.mysql', OPTIONS=dict(read_default_file='{options}'))"

    def forward_host(self, directory):
        return directory / "forward"

    def forward_paths(self, directory):
        return directory / "forward", self.server.socket

    def lock_statements(self, tables):
        return ["LOCK TABLES " + ", ".join(f"{table} WRITE" for table in tables) + ";"]

    def somebody_waits(self):
        return self.run("SELECT 1 FROM processlist WHERE state LIKE 'Waiting for table%' AND db = "
                        f"'{self.name}'", self.MAINTENANCE)


ENGINES = {"sqlite": Sqlite, "postgresql": Postgresql, "mysql": Mysql}
