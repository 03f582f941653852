"""Who the site is, by its own settings, and which databases it has, by the word of their servers.

Loads no models and opens no database file.
"""

# What a server says of the database that one is connected to: the same by whatever way one came.
# The worker asks it the same as its administrator.
WHICH = {"postgresql": "SELECT concat('postgresql:', system_identifier, ':', current_database())"
                       " FROM pg_control_system()",
         "mysql": "SELECT concat('mysql:', coalesce((SELECT nullif(variable_value, '')"
                  " FROM information_schema.global_status"
                  " WHERE variable_name = 'wsrep_cluster_state_uuid'),"
                  " concat(@@hostname, ':', @@datadir)), ':',"
                  " if(@@lower_case_table_names, lower(database()), database()))"}
PATIENCE = 10  # seconds to connect


def resolved(path):
    return os.path.realpath(str(path)) if path else ""


def ask_server(engine, alias, entry):
    """By the site's own way, with all that its settings say of it. Empty when it does not answer,
    as before a new site's database is made."""
    from django.db import connections

    entry.setdefault("OPTIONS", {}).setdefault("connect_timeout", PATIENCE)
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute(WHICH[engine])
            return cursor.fetchone()[0]
    except Exception as error:
        warnings.append(f"its database '{entry['NAME']}' does not answer: {str(error).strip()}")
        return ""


def database(alias, entry):
    engine = entry.get("ENGINE", "").rsplit(".", 1)[-1]
    name = str(entry.get("NAME") or "")
    if engine.startswith("sqlite") and name not in ("", ":memory:"):
        name = resolved(name)
    known = {"sqlite3": "sqlite", "postgresql": "postgresql", "postgis": "postgresql",
             "mysql": "mysql"}
    engine = known.get(engine, engine)
    server = ask_server(engine, alias, entry) if engine in WHICH else ""
    if server and not name:  # a service or option file names it
        name = server.split(":", 2)[2] if engine == "postgresql" else server.rsplit(":", 1)[1]
    return {"engine": engine, "name": name, "host": str(entry.get("HOST") or ""),
            "port": str(entry.get("PORT") or ""), "user": str(entry.get("USER") or ""),
            "server": server, "alias": alias}


def versions(site):
    import django
    import lino

    return {"python": sys.version.split()[0], "django": django.get_version(),
            "lino": lino.__version__, "app": str(getattr(site, "verbose_name", None) or ""),
            "app_version": str(getattr(site, "version", None) or "")}


def identity(settings, site):
    module = settings.SETTINGS_MODULE
    databases = {alias: database(alias, entry) for alias, entry in settings.DATABASES.items()}
    return {"project_dir": resolved(getattr(site, "project_dir", None)),
            "settings_module": module,
            "settings_file": resolved(sys.modules[module].__file__),
            "database": databases.pop("default"), "more": list(databases.values()),
            "media_root": resolved(settings.MEDIA_ROOT)}


def answer(execute):
    from django.conf import settings

    site = getattr(settings, "SITE", None)
    found = identity(settings, site)
    result({"identity": found, "versions": versions(site),
            "databases": {each["alias"]: each for each in (found["database"], *found["more"])},
            "warnings": warnings,
            "plugins": [p.app_name for p in getattr(site, "installed_plugins", [])],
            "title": str(getattr(site, "title", None) or ""),
            "server_url": str(getattr(site, "server_url", None) or ""),
            "static_root": resolved(settings.STATIC_ROOT),
            "python_prefix": resolved(sys.prefix),
            "allowed_hosts": [str(host) for host in settings.ALLOWED_HOSTS],
            "email_backend": str(settings.EMAIL_BACKEND),
            "debug": bool(settings.DEBUG)})


import os
import sys

warnings = []
enter([], answer)
