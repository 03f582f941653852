"""Lino's memo texts: a text names other objects ("[ticket 7]"), its stored preview holds their
names, and a row of memo_mention tells of each. All that is written when the text is saved."""
import re

COMMAND = re.compile(r"\[(\w+)\s+([^\s\]]+)")


class Texts:
    """Keys are (table, primary key as text)."""

    def __init__(self, connection):
        from django.apps import apps
        from django.conf import settings

        self.connection, self.mention, self.models, self.parser = connection, None, [], None
        if not apps.is_installed("lino.modlib.memo"):
            return
        from lino.modlib.memo.mixins import BasePreviewable

        self.mention = apps.get_model("memo", "Mention")
        self.models = [model for model in apps.get_models() if issubclass(model, BasePreviewable)
                       and not model._meta.proxy]
        self.parser = settings.SITE.plugins.memo.parser
        self.commands = {name: getattr(command, "_for_model", None) for name, command in
                         self.parser.commands.items()}

    def is_mention(self, key):
        return self.mention is not None and key[0] == self.mention._meta.db_table

    def key_of_reference(self, content_type_id, pk):
        from django.contrib.contenttypes.models import ContentType
        from django.core.exceptions import ObjectDoesNotExist

        if content_type_id is None or pk is None:
            return None, None
        try:
            model = ContentType.objects.get_for_id(content_type_id).model_class()
        except ObjectDoesNotExist:
            model = None
        return (model, (model._meta.db_table, str(pk))) if model else (None, None)

    def owner_of(self, instance):
        """The key of the text that a mention belongs to; None for all other objects."""
        if self.mention is None or not isinstance(instance, self.mention):
            return None
        model, key = self.key_of_reference(instance.owner_type_id, instance.owner_id)
        return key if model in self.models else None

    def owner_of_row(self, key):
        if not self.is_mention(key):
            return None
        instance = self.mention._base_manager.filter(pk=key[1]).first()
        return instance and self.owner_of(instance)

    def mentions(self):
        """(owner, target) of all mentions there are."""
        if self.mention is None:
            return
        columns = "owner_type_id", "owner_id", "target_type_id", "target_id"
        for owner_type, owner, target_type, target in \
                self.mention._base_manager.values_list(*columns):
            model, owner_key = self.key_of_reference(owner_type, owner)
            if model in self.models:
                yield owner_key, self.key_of_reference(target_type, target)[1]

    def named(self):
        """(owner, target) of all that texts name, whether it is there or not."""
        for model in self.models:
            fields = [field.attname for field in model._meta.concrete_fields
                      if re.fullmatch(rf"{model.previewable_field}(_[a-z]+)?", field.name)]
            for pk, *texts in model._base_manager.values_list("pk", *fields):
                for command, target in COMMAND.findall(" ".join(filter(None, texts))):
                    if named := self.commands.get(command):
                        yield (model._meta.db_table, str(pk)), (named._meta.db_table, target)
