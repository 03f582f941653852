"""When a full restore saves which object, told without doing it.

A full restore saves the lines in the order of main(). A text that names an object which comes
later gets "[ERROR There is no ...]" in its preview, and no mention. The rows that a delta saves find
everything there already, and yet have to become the same.
"""
from contextlib import contextmanager

from understudy_loading import key_of, text_of_key

FIRST = (-1, 0)  # before all lines
FLUSH = 1 << 60  # at the end of a table, what failed before is tried again


def references(instance):
    """(what an object points at, may that be NULL)."""
    for field in instance._meta.concrete_fields:
        target = field.remote_field and field.remote_field.model
        if target and target._meta.label != "contenttypes.ContentType":
            value = getattr(instance, field.attname)
            if value is not None:
                yield (target._meta.db_table, text_of_key(target, value)), field.null


class Order:
    """Moments are (number of the table, number of the line)."""

    def __init__(self, base):
        self.base, self.there, self.done = base, {}, {}

    def place(self, key):
        table, unused = key
        if table not in self.base.tables:
            return None
        number = self.base.index(table).get(key)
        return None if number is None else (self.base.tables.index(table), number)

    def references(self, key):
        for instance in self.base.made_by(key[0], self.base.index(key[0])[key]):
            if key_of(instance) == key:
                yield from references(instance)

    def moment(self, key, known, counts):
        """When it is saved, having waited for what it points at."""
        if key not in known:
            known[key] = place = self.place(key) or FIRST  # also where it points back at itself
            if place != FIRST:
                last = max((self.is_there(target) for target, null in self.references(key)
                            if counts(null)), default=FIRST)
                if last >= place:
                    known[key] = max(last[0], place[0]), FLUSH
        return known[key]

    def is_there(self, key):
        """Without what may be NULL it is saved at once."""
        return self.moment(key, self.there, lambda null: not null)

    def is_done(self, key):
        return self.moment(key, self.done, lambda null: True)

    def sees(self, owner, target):
        return self.is_there(target) < self.is_done(owner)

    @contextmanager
    def respected(self, parser):
        """Texts find only what a full restore would have there."""
        from django.db.models.query import QuerySet

        parse, get = parser.parse, QuerySet.get
        owners = []

        def parse_as(text, *args, context=None, **options):
            instance = (context or {}).get("self")
            owners.append(instance and (instance._meta.db_table, str(instance.pk)))
            try:
                return parse(text, *args, context=context, **options)
            finally:
                owners.pop()

        def get_seen(queryset, *args, **lookup):
            model = queryset.model
            if owners and owners[-1] and list(lookup) == ["pk"] and \
                    not self.sees(owners[-1], (model._meta.db_table, str(lookup["pk"]))):
                raise model.DoesNotExist(
                    f"{model._meta.object_name} matching query does not exist.")
            return get(queryset, *args, **lookup)

        parser.parse, QuerySet.get = parse_as, get_seen
        try:
            yield
        finally:
            parser.parse, QuerySet.get = parse, get
