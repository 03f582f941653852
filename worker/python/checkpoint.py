"""Writes what an SQLite database's WAL holds into the database itself. request: database."""
import sqlite3

connection = sqlite3.connect(request["database"], timeout=10)
busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
connection.close()
result({"busy": bool(busy)})
