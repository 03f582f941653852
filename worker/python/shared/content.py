"""The content of an SQLite database as a text: equal texts, equal rows, wherever they lie."""
import hashlib


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def tables(connection):
    return [name for (name,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        " ORDER BY name")]


def table_digest(connection, table):
    """In the order of its key, so that it does not matter where rows lie."""
    columns = connection.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
    names = ", ".join(quoted(column[1]) for column in columns)
    key = [quoted(column[1]) for column in sorted(columns, key=lambda column: column[5])
           if column[5]]
    hasher = hashlib.sha256(repr([column[1] for column in columns]).encode())
    for row in connection.execute(
            f"SELECT {names} FROM {quoted(table)} ORDER BY {', '.join(key) or names}"):
        hasher.update(repr(row).encode())
    return hasher.hexdigest()


def content(connection, volatile=(), only="", tell=lambda *unused: None):
    """Of all tables but the volatile ones, or of one; in one snapshot."""
    connection.isolation_level = None
    connection.text_factory = lambda text: text.decode(errors="surrogateescape")
    connection.execute("BEGIN")
    found = [only] if only else [t for t in tables(connection) if t not in volatile]
    whole = hashlib.sha256()
    for done, table in enumerate(found):
        tell("TABLES", done, len(found), table)
        whole.update(f"{table} {table_digest(connection, table)}\n".encode())
    connection.execute("COMMIT")
    return whole.hexdigest()


def schema(connection, volatile=()):
    """Tables, columns, constraints and indexes as they were made."""
    whole = hashlib.sha256()
    for row in connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
            " ORDER BY type, name"):
        if row[2] not in volatile:
            whole.update(repr(row).encode())
    return whole.hexdigest()
