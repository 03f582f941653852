"""What Understudy manages of this site's settings; written by its worker, do not edit.

The values are in understudy_managed.json. The last line of settings.py applies them.
"""
import json
import os
import sys

DIRECTORY = os.path.dirname(os.path.realpath(__file__))
VALUES = os.path.join(DIRECTORY, "understudy_managed.json")


def apply_database(settings, managed):
    """A site that has no database of its own yet, an empty section, gets no password: the one in
    its settings is that of the site it was copied from."""
    database = settings["DATABASES"][managed.get("alias", "default")]
    if database["ENGINE"].endswith("sqlite3"):
        return
    database["PASSWORD"] = managed.get("password", "")
    for option in ("passwd", "password"):
        database.get("OPTIONS", {}).pop(option, None)
    if managed:
        database["NAME"], database["USER"] = managed["name"], managed["user"]


STAMP = ""  # what this process answers for: site and role


class Stamp:
    """Each page says which site made it, in which role."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Understudy-Site"] = STAMP
        return response


def apply_role(settings, managed):
    """A program that serves visitors in one role keeps it; all else has the site's."""
    global STAMP
    role = os.environ.get("UNDERSTUDY_ROLE") or managed["role"]
    front = managed["roles"][role]
    site = settings.get("SITE")
    STAMP = f"{os.path.basename(DIRECTORY)} {role}"
    scheme = "https" if front["tls"] else "http"
    settings["ALLOWED_HOSTS"] = list(front["hosts"])
    settings["CSRF_TRUSTED_ORIGINS"] = [f"{scheme}://{host}" for host in front["hosts"]]
    settings["MIDDLEWARE"] = (f"{__name__}.Stamp", *settings.get("MIDDLEWARE", ()))
    if front["tls"]:
        settings["SECURE_PROXY_SSL_HEADER"] = ("HTTP_X_FORWARDED_PROTO", "https")
    if site:
        site.server_url = f"{scheme}://{front['hosts'][0]}"
    if role == "preview":
        apply_preview(settings, site)


def apply_preview(settings, site):
    """Nothing leaves a preview: mail becomes files, by no other way either; linod does not run."""
    settings["EMAIL_BACKEND"] = "django.core.mail.backends.filebased.EmailBackend"
    settings["EMAIL_FILE_PATH"] = os.path.join(DIRECTORY, "mail")
    settings["EMAIL_HOST"] = "mail-is-off.invalid"
    settings["EMAIL_HOST_USER"] = settings["EMAIL_HOST_PASSWORD"] = ""
    if site:
        site.title = f"{site.title or site.verbose_name} (preview)"
    if sys.argv[1:2] == ["linod"]:
        raise SystemExit("linod does not run on a preview")


SECTIONS = {"database": apply_database, "role": apply_role}


def apply(settings):
    try:
        with open(VALUES, encoding="utf-8") as stream:
            values = json.load(stream)
    except FileNotFoundError:
        values = {}
    for section, apply_section in SECTIONS.items():
        if section in values:
            apply_section(settings, values[section])
