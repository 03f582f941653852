"""Who the site is, by its own settings. Opens no database and loads no models."""


def resolved(path):
    return os.path.realpath(str(path)) if path else ""


def database(entry):
    engine = entry.get("ENGINE", "").rsplit(".", 1)[-1]
    name = str(entry.get("NAME") or "")
    if engine.startswith("sqlite") and name not in ("", ":memory:"):
        name = resolved(name)
    known = {"sqlite3": "sqlite", "postgresql": "postgresql", "postgis": "postgresql",
             "mysql": "mysql"}
    return {"engine": known.get(engine, engine), "name": name,
            "host": str(entry.get("HOST") or ""), "port": str(entry.get("PORT") or ""),
            "user": str(entry.get("USER") or "")}


def versions(site):
    import django
    import lino

    return {"python": sys.version.split()[0], "django": django.get_version(),
            "lino": lino.__version__, "app": str(getattr(site, "verbose_name", None) or ""),
            "app_version": str(getattr(site, "version", None) or "")}


def identity(settings, site):
    module = settings.SETTINGS_MODULE
    return {"project_dir": resolved(getattr(site, "project_dir", None)),
            "settings_module": module,
            "settings_file": resolved(sys.modules[module].__file__),
            "database": database(settings.DATABASES["default"]),
            "media_root": resolved(settings.MEDIA_ROOT)}


def answer(execute):
    from django.conf import settings

    site = getattr(settings, "SITE", None)
    result({"identity": identity(settings, site), "versions": versions(site),
            "databases": {alias: database(entry) for alias, entry in settings.DATABASES.items()},
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

enter([], answer)
