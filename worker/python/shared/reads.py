"""Which rows were read while an object was cleaned and saved: what its row was made of besides its
line. When one of them changes, the object has to be saved again: a comment is private as its group
is, a text's preview holds the names of what it mentions.
"""
from contextlib import contextmanager


class LazyText:
    """Lino makes a text of each object it has saved, with queries, for a message nobody sees."""

    def __init__(self, make, *args, **options):
        self.make = lambda: make(*args, **options)

    def __str__(self):
        return self.make()


class Reads:
    """found: {(table, key): {table: {key, ...}}}; also of tables that were read in vain."""

    def __init__(self):
        from django.db.models import Model
        from django.db.models.query import ModelIterable
        from lino.utils import dpy

        self.found, self.current = {}, None
        self.watch(Model, ModelIterable, dpy)

    def watch(self, Model, ModelIterable, dpy):
        from_db, iterate = Model.from_db.__func__, ModelIterable.__iter__
        try_save, obj2str = dpy.FakeDeserializedObject.try_save, dpy.obj2str

        def read_row(model, *args, **options):
            instance = from_db(model, *args, **options)
            self.note(model, instance.pk)
            return instance

        def read_table(iterable):
            self.note(iterable.queryset.model)
            return iterate(iterable)

        def try_save_noting(wrapped, *args, **options):
            with self.of(wrapped.object):
                return try_save(wrapped, *args, **options)

        Model.from_db, ModelIterable.__iter__ = classmethod(read_row), read_table
        dpy.FakeDeserializedObject.try_save = try_save_noting
        dpy.obj2str = lambda *args, **options: LazyText(obj2str, *args, **options)

    @contextmanager
    def of(self, instance):
        outer = self.current
        self.current = outer or self.found.setdefault(
            (instance._meta.db_table, str(instance.pk)), {})
        try:
            yield
        finally:
            self.current = outer

    def note(self, model, pk=None):
        if self.current is not None:
            keys = self.current.setdefault(model._meta.db_table, set())
            if pk is not None:
                keys.add(str(pk))


def packed(found):
    """As JSON can have it: {table: {key: {table: [key, ...]}}}."""
    tables = {}
    for (table, pk), reads in found.items():
        if reads:
            tables.setdefault(table, {})[pk] = {name: sorted(pks) for name, pks in reads.items()}
    return tables


def unpacked(tables):
    return {(table, pk): {name: set(pks) for name, pks in reads.items()}
            for table, objects in tables.items() for pk, reads in objects.items()}


def families():
    """The tables over which one object's fields are spread, by each of these tables."""
    from django.apps import apps

    found = {}
    for model in apps.get_models():
        tables = {model._meta.db_table, *(p._meta.db_table for p in model._meta.get_parent_list())}
        for table in tables:
            found.setdefault(table, set()).update(tables)
    return found


def dependents(found, touched):
    """All that was made of one of these rows, or of what was made of it."""
    readers, parts_of = {}, families()
    for key, reads in found.items():
        for table, pks in reads.items():
            for pk in pks:
                readers.setdefault((table, pk), []).append(key)
    seen, todo = set(), list(touched)
    while todo:
        table, pk = todo.pop()
        for part in parts_of.get(table, [table]):
            for reader in readers.get((part, pk), ()):
                if reader not in seen:
                    seen.add(reader)
                    todo.append(reader)
    return seen - set(touched)
