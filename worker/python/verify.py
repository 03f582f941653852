"""The site answers, in process: Django's checks, a page, and its rows. request: tables, opening (a directory, or
null: keeps there what the site has before users change it).

Answers {"versions": {...}, "rows": {table: count or -1}, "status": of the page}.
"""
import sys

from django.conf import settings


def versions():
    import django
    import lino

    site = settings.SITE
    return {"python": sys.version.split()[0], "django": django.get_version(),
            "lino": lino.__version__, "app": str(getattr(site, "verbose_name", None) or ""),
            "app_version": str(getattr(site, "version", None) or "")}


def count_rows():
    from django.db import connection

    there = set(connection.introspection.table_names())
    rows = {}
    with connection.cursor() as cursor:
        for table in request["tables"]:
            rows[table] = -1
            if table in there:
                cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")
                rows[table], = cursor.fetchone()
    return rows


def page_status():
    from django.test import Client

    hosts = [host for host in settings.ALLOWED_HOSTS if not host.startswith((".", "*"))]
    return Client(raise_request_exception=False).get(
        "/", secure=True, headers={"host": hosts[0] if hosts else "localhost"}).status_code


def keep_opening(directory):
    from django.db import connection, transaction
    from understudy_rows import hash_rows, write_opening

    with transaction.atomic():
        write_opening(directory, hash_rows(connection))


def run(execute):
    quiet()
    execute(ARGV)
    if request["opening"]:
        keep_opening(request["opening"])
    result({"versions": versions(), "rows": count_rows(),
            "status": page_status() if request["tables"] else 0})


ARGV = ["manage.py", "check"]
enter(ARGV[1:], run)
