"""The rows of a site's database as hashes, and the marker that tells which restore they are of.

The marker is a table that no model of Django's knows: Lino neither sees nor dumps it, and initdb
drops it with all others. It names a file of row hashes in a directory of the worker's, so that
both change at one moment, with the commit.
"""
import hashlib
import json
import os
import secrets

from understudy_reads import packed, unpacked

MARKER = "understudy_marker"
# Who is logged in, which migrations ran: no data, not in a dump either.
NOT_DATA = {MARKER, "django_session", "django_migrations"}
OPENING = "opening"
CHUNK = 2000  # rows fetched at a time


def tables(connection):
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
    return [name for name in sorted(names) if name not in NOT_DATA]


def keys(connection):
    """The column of each table's primary key, by table."""
    from django.apps import apps

    return {model._meta.db_table: model._meta.pk.column
            for model in apps.get_models(include_auto_created=True)}


def key_of(connection, cursor, table, columns, known):
    """Where in a row its key stands; None: the row itself is the key."""
    column = known.get(table)
    if column is None:
        column = connection.introspection.get_primary_key_column(cursor, table)
    return columns.index(column) if column in columns else None


def plain(row):
    """PostgreSQL's bytes do not show their content."""
    return tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)


def select(connection, cursor, table):
    cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
    return [column[0] for column in cursor.description]


def fetch(cursor):
    while rows := cursor.fetchmany(CHUNK):
        yield from rows


def hash_table(connection, cursor, table, known):
    columns = select(connection, cursor, table)
    at = key_of(connection, cursor, table, columns, known)
    convert = plain if connection.vendor == "postgresql" else tuple
    rows = {}
    for row in fetch(cursor):
        digest = hashlib.blake2b(repr(convert(row)).encode("utf-8", "surrogatepass"),
                                 digest_size=12).hexdigest()
        key = digest if at is None else str(row[at])
        rows[key] = rows.get(key, "") + digest
    return {"columns": columns, "rows": rows}


def hash_rows(connection):
    """{table: {"columns": [...], "rows": {key: hash}}}, of one state when in one transaction."""
    known = keys(connection)
    names = tables(connection)
    with connection.cursor() as cursor:
        return {table: hash_table(connection, cursor, table, known) for table in names}


# ---------------------------------------------------------------- the marker


def read_marker(connection):
    """{name: value}; {} when the database has none."""
    with connection.cursor() as cursor:
        if MARKER not in connection.introspection.table_names(cursor):
            return {}
        cursor.execute(f"SELECT name, value FROM {MARKER}")
        return dict(cursor.fetchall())


def make_marker(connection):
    """Outside of a transaction: MariaDB would commit it."""
    with connection.cursor() as cursor:
        if MARKER not in connection.introspection.table_names(cursor):
            cursor.execute(f"CREATE TABLE {MARKER} (name varchar(40) NOT NULL PRIMARY KEY, "
                           "value varchar(200) NOT NULL)")


def write_marker(connection, values):
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {MARKER}")
        cursor.executemany(f"INSERT INTO {MARKER} (name, value) VALUES (%s, %s)",
                           sorted(values.items()))


# ---------------------------------------------------------------- the file


def path_of(directory, identifier):
    return os.path.join(directory, f"rows.{identifier}")


def write_file(path, text, mode):
    with open(path, mode) as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def sync_directory(directory):
    fd = os.open(directory, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def write_state(directory, hashes, reads):
    """Durable, under a name of its own. Gives the marker's values for it. reads: see reads.py."""
    text = json.dumps({"rows": hashes, "reads": packed(reads)}, separators=(",", ":")).encode()
    values = {"id": secrets.token_hex(16), "state": hashlib.sha256(text).hexdigest()}
    write_file(path_of(directory, values["id"]), text, "xb")
    sync_directory(directory)
    return values


def read_state(directory, marker):
    """(hashes, reads); None when there is no file, or another than the marker's."""
    try:
        with open(path_of(directory, marker["id"]), "rb") as stream:
            text = stream.read()
    except (OSError, KeyError):
        return None
    if hashlib.sha256(text).hexdigest() != marker["state"]:
        return None
    state = json.loads(text)
    return state["rows"], unpacked(state["reads"])


def write_opening(directory, hashes):
    """What a site has at the moment it becomes production; see loss.py."""
    path = os.path.join(directory, OPENING)
    write_file(path + ".new", json.dumps(hashes, separators=(",", ":")).encode(), "wb")
    os.rename(path + ".new", path)
    sync_directory(directory)


def read_opening(directory):
    try:
        with open(os.path.join(directory, OPENING), encoding="utf-8") as stream:
            return json.load(stream)
    except (FileNotFoundError, ValueError):
        return None


def remove_others(directory, identifier):
    for name in os.listdir(directory):
        if name.startswith("rows.") and name != f"rows.{identifier}":
            os.remove(os.path.join(directory, name))


def mark(connection, directory, reads, values):
    """After a full restore: hashes of all rows, and the marker with `values` besides."""
    hashes = hash_rows(connection)
    made = write_state(directory, hashes, reads)
    make_marker(connection)
    write_marker(connection, {**values, **made})
    return {"id": made["id"], "tables": len(hashes),
            "rows": sum(len(table["rows"]) for table in hashes.values())}
