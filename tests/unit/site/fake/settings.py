import os

PROJECT = os.path.dirname(os.path.abspath(__file__))
NAME = os.path.basename(PROJECT)
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": NAME}}
MEDIA_ROOT = os.path.join(PROJECT, "media")
STATIC_ROOT = "static"
ALLOWED_HOSTS = [f"{NAME}.example.com"]
EMAIL_BACKEND = "smtp"
DEBUG = False


class SITE:
    project_dir = PROJECT
    title = f"The site {NAME}"
    verbose_name = "Fake"
    version = "1.0"
    server_url = f"https://{NAME}.example.com"
    installed_plugins = []
