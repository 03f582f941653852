"""Carries a plan out, in one transaction."""
from contextlib import contextmanager

from understudy_dumps import Unusual
from understudy_loading import text_of_key, unsaved
from understudy_plan import describe
from understudy_rows import hash_rows, write_marker, write_state

CHUNK = 500  # rows in one statement
WAIT = 20  # seconds for whoever has a table or a row locked


@contextmanager
def alone(connection):
    """A transaction into which nobody else writes; who reads meanwhile sees the rows as they were.
    """
    from django.db import transaction

    SESSIONS[connection.vendor](connection)
    with transaction.atomic():
        if connection.vendor == "postgresql":
            lock_tables(connection)
        yield


def session_of_sqlite(connection):
    """Readers would be locked out as soon as changed pages do not fit into the cache."""
    execute(connection, f"PRAGMA busy_timeout={WAIT * 1000}", "PRAGMA cache_spill=OFF")
    connection._start_transaction_under_autocommit = lambda: execute(connection, "BEGIN IMMEDIATE")


def session_of_mysql(connection):
    execute(connection, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            f"SET SESSION innodb_lock_wait_timeout={WAIT}", "SET SESSION foreign_key_checks=0")


def lock_tables(connection):
    """Before anything is read: then it is the tables' last state that is seen."""
    names = ", ".join(map(connection.ops.quote_name, tables_of(connection)))
    execute(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            f"SET LOCAL lock_timeout='{WAIT}s'", f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")


SESSIONS = {"sqlite": session_of_sqlite, "mysql": session_of_mysql,
            "postgresql": lambda connection: None}


def execute(connection, *statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def tables_of(connection):
    """Without a query: SET TRANSACTION has to be the first."""
    from django.apps import apps

    return sorted({model._meta.db_table for model in apps.get_models(include_auto_created=True)
                   if model._meta.managed and not model._meta.proxy} - {"django_session"})


def data_version(connection):
    """SQLite's word for: nobody else has written since. None: the others have no such word."""
    if connection.vendor != "sqlite":
        return None
    with connection.cursor() as cursor:
        return cursor.execute("PRAGMA data_version").fetchone()[0]


class Change:
    def __init__(self, base, plan):
        from django.apps import apps

        self.base, self.plan, self.connection = base, plan, base.connection
        self.models = {model._meta.db_table: model for model in
                       apps.get_models(include_auto_created=True) if not model._meta.proxy}
        self.orphans = set()

    def carry_out(self, tell):
        """Gives the hashes of all rows as they are then."""
        self.delete(self.plan.delete)
        self.delete_orphans()
        self.save(tell)
        self.connection.check_constraints()
        after = hash_rows(self.connection)
        self.verify(after)
        return after

    def mark(self, directory, hashes, dump):
        reads = {key: found for key, found in {**self.base.reads, **self.base.noted.found}.items()
                 if key not in self.plan.vanished}
        values = {**self.base.marker, **write_state(directory, hashes, reads), "dump": dump}
        write_marker(self.connection, values)
        return values

    # ------------------------------------------------------------ rows that go

    def delete(self, keys):
        """The rows alone: no cascades, no signals."""
        for table, pks in by_table(keys).items():
            if table not in self.models:
                raise Unusual(f"{table}, which is no model's, was changed in the preview")
            found = sum(self.delete_some(self.models[table], pks[start:start + CHUNK])
                        for start in range(0, len(pks), CHUNK))
            if found != len(pks):
                raise Unusual(f"{found} rows of {table} could be deleted, not {len(pks)}")

    def delete_some(self, model, pks):
        quote = self.connection.ops.quote_name
        values = [model._meta.pk.get_db_prep_value(model._meta.pk.to_python(pk), self.connection)
                  for pk in pks]
        with self.connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {quote(model._meta.db_table)} WHERE "
                           f"{quote(model._meta.pk.column)} IN "
                           f"({', '.join(['%s'] * len(values))})", values)
            return cursor.rowcount

    def delete_orphans(self):
        """Rows that no line makes and that point at what is gone."""
        gone = by_table(self.plan.vanished)
        for model in self.models.values():
            table = model._meta.db_table
            if gone and (table not in self.base.tables or self.plan.texts.is_mention((table, ""))):
                for condition in pointing(model, gone):
                    self.orphans |= {(table, text_of_key(model, pk)) for pk in
                                     model._base_manager.filter(condition)
                                     .values_list("pk", flat=True)}
        self.delete(self.orphans)

    # ------------------------------------------------------------ rows that come

    def save(self, tell):
        if self.plan.texts.parser:
            with self.plan.order.respected(self.plan.texts.parser):
                self.save_lines(tell)
        else:
            self.save_lines(tell)
        self.reset_sequences()

    def save_lines(self, tell):
        loader, done = self.base.loader, 0
        self.base.volumes.corrected = 0  # the plan has made its objects, too
        scope = {**self.base.names, "loader": loader}
        for table in self.base.tables:
            wanted = self.plan.lines[table]
            if not wanted:
                continue
            for line in self.base.new.lines[table]:
                if line in wanted:
                    exec(line, scope)
                    done += 1
                    tell(done)
            loader.flush_deferred_objects()
            self.reset_sequences()
        loader.strict = False  # told here
        loader.finalize()
        for instance, why in unsaved(loader):
            raise Unusual(f"{instance._meta.db_table} #{instance.pk} cannot be saved: {why}")

    def reset_sequences(self):
        from django.core.management.color import no_style

        execute(self.connection, *self.connection.ops.sequence_reset_sql(
            no_style(), list(self.models.values())))

    # ------------------------------------------------------------ what has become of it

    def verify(self, after):
        planned = self.plan.delete | self.plan.saved | self.orphans
        for table in after.keys() | self.plan.live.keys():
            old = self.plan.live.get(table, {"rows": {}})["rows"]
            new = after.get(table, {"rows": {}})["rows"]
            for pk in old.keys() | new.keys() if old != new else ():
                key = table, pk
                if old.get(pk) != new.get(pk) and key not in planned and \
                        not self.plan.texts.is_mention(key):
                    raise Unusual(f"saving the changes also changed {describe(key)}")
        for table, pk in self.plan.saved:
            if pk not in after[table]["rows"]:
                raise Unusual(f"{describe((table, pk))} is not there after it was saved")


def by_table(keys):
    found = {}
    for table, pk in keys:
        found.setdefault(table, []).append(pk)
    return found


def pointing(model, gone):
    """Conditions for the rows of a model that point at one of these rows ({table: [pk]})."""
    from django.contrib.contenttypes.fields import GenericForeignKey
    from django.contrib.contenttypes.models import ContentType
    from django.db.models import Q

    for field in model._meta.concrete_fields:
        target = field.remote_field and field.remote_field.model
        if target and target._meta.db_table in gone:
            yield Q(**{f"{field.attname}__in": gone[target._meta.db_table]})
    for field in model._meta.private_fields:
        if isinstance(field, GenericForeignKey):
            for kind in ContentType.objects.all():
                named = kind.model_class()
                if named and named._meta.db_table in gone:
                    pks = fitting(model._meta.get_field(field.fk_field), gone[named._meta.db_table])
                    yield Q(**{field.ct_field: kind, f"{field.fk_field}__in": list(pks)})


def fitting(field, pks):
    """A number cannot point at "RU"."""
    from django.core.exceptions import ValidationError

    for pk in pks:
        try:
            yield field.to_python(pk)
        except ValidationError:
            pass
