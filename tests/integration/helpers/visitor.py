"""Somebody who works on a site through its pages: reads a list and changes a row, again and again,
until the file request["until"] is there. Answers {"seen": [names in the list, each once, in order],
"statuses": [...], "writes": n, "longest_ms": of one request, "errors": [...]}.
"""
import json
import os
import time

from django.conf import settings


def run(execute):
    import django

    quiet()
    django.setup()
    settings.ALLOWED_HOSTS = ["*"]
    from django.apps import apps
    from django.test import Client

    client = Client()
    client.post("/auth", {"username": "robin", "password": "1234"})
    country = apps.get_model("countries", "Country")
    seen, statuses, errors, writes, longest = [], set(), [], 0, 0
    progress("TABLES", 0, 0, "ready")
    while not os.path.exists(request["until"]):
        began = time.monotonic()
        answer = client.get("/api/topics/AllTopics", {"fmt": "json", "limit": 100, "start": 0})
        statuses.add(answer.status_code)
        try:
            rows = sorted(str(row[0]) for row in json.loads(answer.content)["rows"])
            if not seen or seen[-1] != rows:
                seen.append(rows)
            instance = country.objects.order_by("pk").first()
            instance.save()
            writes += 1
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}"[:300])
        longest = max(longest, time.monotonic() - began)
    result({"seen": seen, "statuses": sorted(statuses), "writes": writes, "errors": errors[:5],
            "longest_ms": round(longest * 1000)})


enter([], run)
