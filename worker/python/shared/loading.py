"""Runs lines of a dump through a restore script's functions: to see which rows they make, or to
save them."""
from understudy_dumps import Unusual


def text_of_key(model, value):
    """A primary key as the database gives it, as text."""
    from django.db import connection

    key = model._meta.pk
    return str(key.get_db_prep_value(key.to_python(value), connection))


def key_of(instance):
    """(table, primary key) of what saving the object writes."""
    model = type(instance)
    if instance.pk is None:
        raise Unusual(f"{model._meta.label} objects have no primary key in the dump")
    if model._meta.parents and not hasattr(instance, "understudy_child"):
        raise Unusual(f"the script makes whole objects of {model._meta.label}, which also writes "
                      f"rows of another table")
    return model._meta.db_table, text_of_key(model, instance.pk)


def expand(value):
    from django.db.models import Model

    if isinstance(value, Model):
        yield value
    elif hasattr(value, "__iter__"):
        for part in value:
            yield from expand(part)
    elif value is not None:
        raise Unusual(f"a line of the dump makes {value!r}, which is not an object")


def child_only(parent_model, pk, child_model, **values):
    """In the place of create_mti_child, which can write the parent at once."""
    link = child_model._meta.parents[parent_model]
    child = child_model(**{**values, link.attname: pk})
    child.understudy_child = True
    return child


class Collector:
    """In the loader's place."""

    def __init__(self, names):
        self.names, self.made = names, []

    def save(self, value):
        self.made.append(list(expand(value)))

    def collect(self, lines):
        """The objects that each line makes, unsaved."""
        self.made = []
        create, self.names["create_mti_child"] = self.names["create_mti_child"], child_only
        try:
            exec(compile("\n".join(lines), "dump", "exec"), {**self.names, "loader": self})
        except Unusual:
            raise
        except Exception as error:
            line = lines[min(len(self.made), len(lines) - 1)]
            raise Unusual(f"the script fails with {type(error).__name__}: {error} in "
                          f"{line[:200]}") from error
        finally:
            self.names["create_mti_child"] = create
        if len(self.made) != len(lines):
            raise Unusual("a line of the dump makes more than one call of loader.save()")
        return self.made


def guarded_loader(names, quick):
    """A DpyLoader each of whose saves can fail without spoiling the transaction around it."""
    from lino.utils.dpy import DpyLoader

    class Loader(DpyLoader):
        def expand(self, value):
            for wrapped in super().expand(value):
                guard(wrapped.object)
                yield wrapped

    return Loader(names, quick=quick)


def guard(instance):
    """Each save and each full_clean in a savepoint of its own."""
    from django.db import transaction

    for name in ("save", "full_clean"):
        setattr(instance, name, transaction.atomic(getattr(instance, name)))


def unsaved(loader):
    """[(object, why)] of what could not be saved."""
    return [(wrapped.object, message) for messages in loader.save_later.values()
            for message, objects in messages.items() for wrapped in objects]
