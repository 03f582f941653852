"""Which rows of a preview are deleted and saved, and by which lines of the dump.

Keys are (table, primary key as text).
"""
from understudy_dumps import Unusual
from understudy_loading import key_of
from understudy_order import Order, references
from understudy_reads import dependents
from understudy_texts import Texts

CONFIGURATION = "system_siteconfig"


def describe(key):
    return f"{key[0]} #{key[1]}"


class Plan:
    """gone: what the lines that are no longer there made; new: what lines that were not there make;
    edited: rows that are not as they were left; rebuilt: those of them that have a line; again:
    rows that were made of one of these. saved, vanished, delete: what is done about it.
    """

    def __init__(self, base, live):
        self.base, self.live = base, live
        self.texts, self.order = Texts(base.connection), Order(base)
        self.lines = {table: set() for table in base.tables}  # to be saved
        self.gone, self.new, self.edited, self.rebuilt, self.again = (set() for unused in range(5))
        self.owners = set()  # of mentions
        self.pointed_at = set()  # by new rows of a table that it is made of
        for table in base.tables:
            self.compare(table)
        self.check_keys()
        self.find_edits()
        self.find_dependents()
        self.saved = self.new | self.rebuilt | self.again
        self.vanished = (self.gone | self.edited) - self.saved
        for key in self.vanished:
            if key[0] == CONFIGURATION:
                raise Unusual(f"{describe(key)} is gone, which Lino makes anew by itself")
        self.delete = {key for key in self.gone | self.saved | self.edited if self.is_live(key)}

    def is_live(self, key):
        return key[1] in self.live.get(key[0], {"rows": {}})["rows"]

    def was_there(self, key):
        return key[1] in self.base.hashes.get(key[0], {"rows": {}})["rows"]

    def compare(self, table):
        old, new = self.base.old.lines.get(table, []), self.base.new.lines[table]
        before, after = set(old), set(new)
        gone = [line for line in old if line not in after]
        added = [line for line in new if line not in before]
        for instances in self.base.collector.collect(gone):
            for instance in instances:
                if not self.of_text(instance):
                    self.gone.add(key_of(instance))
        for line, instances in zip(added, self.base.collector.collect(added)):
            if instances and all([self.of_text(instance) for instance in instances]):
                continue
            self.lines[table].add(line)
            for instance in instances:
                self.pointed_at |= set(self.readers_of_new(instance))
                key = key_of(instance)
                if key in self.new:
                    raise Unusual(f"two lines of the dump make {describe(key)}")
                self.new.add(key)

    def readers_of_new(self, instance):
        for target, unused in references(instance):
            if instance._meta.db_table in self.base.reads.get(target, ()):
                yield target

    def of_text(self, instance):
        """A mention belongs to the text of its owner, which writes it when it is saved."""
        owner = self.texts.owner_of(instance)
        if owner is None or self.base.find(owner) is None:
            return False
        self.owners.add(owner)
        return True

    def check_keys(self):
        for key in self.gone:
            if not self.was_there(key) and not self.texts.is_mention(key):
                raise Unusual(f"{describe(key)} was not there after the last restore")
        for key in self.new - self.gone:
            if self.was_there(key):
                self.give_way(key)

    def give_way(self, key):
        """Lino made a row by itself that has the primary key of a new one."""
        owner = self.texts.owner_of_row(key)
        if owner is None:
            raise Unusual(f"Lino has made {describe(key)}, which the dump now has, too")
        self.edited.add(key)
        self.owners.add(owner)

    def find_edits(self):
        for table in self.base.hashes.keys() | self.live.keys():
            old = self.base.hashes.get(table, {"rows": {}, "columns": None})
            now = self.live.get(table, {"rows": {}, "columns": None})
            if old["columns"] != now["columns"]:
                raise Unusual(f"the columns of {table} are not those of the last restore")
            if old["rows"] == now["rows"]:
                continue
            for pk in old["rows"].keys() | now["rows"].keys():
                if old["rows"].get(pk) != now["rows"].get(pk):
                    self.see_edit((table, pk))

    def see_edit(self, key):
        if key in self.gone or key in self.new:
            return
        found = self.base.find(key)
        if self.texts.is_mention(key) and (owner := self.texts.owner_of_row(key)):
            self.owners.add(owner)
        elif found:
            self.rebuilt.add(key)
            self.lines[found[0]].add(found[1])
        elif self.was_there(key) and not self.texts.is_mention(key):
            raise Unusual(f"{describe(key)} was changed in the preview and is in no line of the "
                          f"dump")
        self.edited.add(key)

    def find_dependents(self):
        touched = self.gone | self.new | self.edited
        again = self.pointed_at | self.owners | self.owners_of_changes() | dependents(
            self.base.reads, touched | self.pointed_at)
        for key in again - touched:
            found = not self.texts.is_mention(key) and self.base.find(key)
            if found:
                self.again.add(key)
                self.lines[found[0]].add(found[1])
            elif found is None and self.is_live(key):
                raise Unusual(f"{describe(key)} is to be saved again and is in no line of the dump")

    def owners_of_changes(self):
        """Texts that name what was not there for them, and now is; or the other way round."""
        named, told = set(self.texts.named()), set(self.texts.mentions())
        return {owner for owner, target in named
                if ((owner, target) in told) != self.is_seen(owner, target)}

    def is_seen(self, owner, target):
        there = self.order.place(target) or (
            self.is_live(target) and target not in self.gone | self.edited)
        return bool(there) and self.order.sees(owner, target)

    def numbers(self):
        return {"changed": len(self.gone & self.new), "deleted": len(self.gone - self.new),
                "added": len(self.new - self.gone), "repaired": len(self.edited),
                "again": len(self.again)}
