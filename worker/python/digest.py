"""The content of an SQLite database. request: database, table ("": all), volatile (tables to leave
out), schema (what it is made of, in the place of its rows). Answers with a text."""
from understudy_content import content, schema
from understudy_sqlite import reading


def read(connection):
    if request["schema"]:
        return schema(connection, request["volatile"])
    return content(connection, request["volatile"], request["table"], progress)


result(reading(request["database"], read))
