"""Edits a site's rows at random, through its models, as far as these let it.

request: seed, count, operations (of add, change, delete), tables (only these; [] is all that dump2py
dumps), password (of all users from now on, or ""), dump (a directory to dump to afterwards, or
null). Answers {"edits": {table: {operation: n}}, "count"}.
"""
import datetime
import decimal
import random

SKIPPED = {"contenttypes.ContentType", "sessions.Session", "checkdata.Message"}
# Lino refuses to load what it let through here: values that are checked by a rule of their own.
CHECKED = {"vat_id", "country", "iban", "bic", "file", "root_dir", "uploads_volume.ref"}
COMMANDS = "company", "person", "ticket", "comment", "product", "group", "nothing"
chance = random.Random(request["seed"])
number = 0


def text_for(field):
    global number
    number += 1
    text = f"Ä{number} '{chance.randrange(10**6)}'"
    if not field.max_length:
        text = f"<p>{text}\n"
        for unused in range(chance.randrange(3)):
            text += f"[{chance.choice(COMMANDS)} {chance.randrange(1, 130)}] and "
        text += "so on</p>"
    return text[:field.max_length]


def relation_for(field, value):
    model = field.remote_field.model
    if model._meta.label == "contenttypes.ContentType":
        return value
    keys = list(model._base_manager.order_by("pk").values_list("pk", flat=True))
    return chance.choice(keys) if keys else None


def value_for(field, value):
    from django.db import models

    if field.remote_field:
        return relation_for(field, value)
    if field.choices or type(field).__name__ == "ChoiceListField":
        return value
    if isinstance(field, (models.CharField, models.TextField)):
        return text_for(field)
    if isinstance(field, models.BooleanField):
        return not value
    if isinstance(field, models.DateTimeField) or type(value) is datetime.datetime:
        return value and value.replace(microsecond=0) + datetime.timedelta(hours=1)
    if isinstance(field, models.DateField) or type(value) is datetime.date:
        return value and value + datetime.timedelta(days=1)
    if isinstance(value, decimal.Decimal):
        return value + 1
    if isinstance(field, models.IntegerField):
        return (value or 0) + 1
    return value


def editable(model):
    return [field for field in model._meta.local_concrete_fields
            if not field.primary_key and not (field.remote_field and field.remote_field.parent_link)
            and not field.name.endswith(("_preview", "_id")) and not CHECKED & {field.name, f"{model._meta.db_table}.{field.name}"}]


def set_some(instance, fields):
    for field in chance.sample(fields, min(len(fields), chance.randrange(1, 4))):
        setattr(instance, field.attname, value_for(field, getattr(instance, field.attname)))


def pick(model):
    keys = list(model._base_manager.order_by("pk").values_list("pk", flat=True))
    return model._base_manager.get(pk=chance.choice(keys)) if keys else None


def add(model):
    instance = pick(model)
    if instance is None:
        instance = model()
    if model._meta.parents:
        return add_child(model, instance)
    if model._meta.pk.get_internal_type() in ("CharField", "OneToOneField"):
        instance.pk = text_for(model._meta.pk)
    else:
        instance.pk = None
    instance._state.adding = True
    fields = editable(model)
    for field in fields:
        if field.unique:
            setattr(instance, field.attname, value_for(field, getattr(instance, field.attname)))
    if fields:
        set_some(instance, fields)
    instance.full_clean()
    instance.save(force_insert=True)
    return True


def add_child(model, instance):
    """A new object, with its rows in all its tables."""
    values = {field.attname: getattr(instance, field.attname) for field in
              model._meta.concrete_fields if not field.primary_key and not (
                  field.remote_field and field.remote_field.parent_link)}
    new = model(**{name: value for name, value in values.items() if name != "id"})
    set_some(new, editable(model))
    new.full_clean()
    new.save()
    return True


def change(model):
    instance, fields = pick(model), editable(model)
    if instance is None or not fields:
        return False
    set_some(instance, fields)
    instance.full_clean()
    instance.save()
    return True


def delete(model):
    instance = pick(model)
    if instance is None or model._meta.db_table == "system_siteconfig":
        return False
    instance.delete()
    return True


def attempt(model, operation):
    from django.db import transaction

    try:
        with transaction.atomic():
            done = OPERATIONS[operation](model)
            if done:
                transaction.get_connection().check_constraints()
            return done
    except Exception as error:
        print(model, operation, type(error), str(error)[:200])
        return False


def edit(execute):
    import django

    quiet()
    django.setup()
    from django.apps import apps

    models = [model for model in apps.get_models()
              if model._meta.label not in SKIPPED and not model._meta.proxy and model._meta.managed
              and (not request["tables"] or model._meta.db_table in request["tables"])]
    if request["password"]:
        set_passwords(apps.get_model("users", "User"))
    done, count = {}, 0
    for operation in request["operations"] if request["count"] else ():
        for model in models:  # each table once, then any
            count += note(done, model, operation)
    for unused in range(request["count"] * 20):
        if count >= request["count"]:
            break
        count += note(done, chance.choice(models), chance.choice(request["operations"]))
    if request["dump"]:
        execute(["manage.py", "dump2py", "--noinput", request["dump"]])
    result({"edits": done, "count": count})


def set_passwords(model):
    for user in model.objects.all():
        user.set_password(request["password"])
        user.save()


def note(done, model, operation):
    if not attempt(model, operation):
        return 0
    entry = done.setdefault(model._meta.db_table, {})
    entry[operation] = entry.get(operation, 0) + 1
    return 1


OPERATIONS = {"add": add, "change": change, "delete": delete}
enter([], edit)
