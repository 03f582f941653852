"""Volumes that lie in production's project directory: left as they are, the preview would read and
write production's files."""


class Volumes:
    """corrected: how many were."""

    def __init__(self, production, project):
        self.production, self.project, self.corrected = production, project, 0

    def own_path(self, value):
        for path in self.production:
            if isinstance(value, str) and (value == path or value.startswith(path + "/")):
                return self.project + value[len(path):]
        return value

    def correcting(self, create):
        names = create.__code__.co_varnames[:create.__code__.co_argcount]
        at = names.index("root_dir") if "root_dir" in names else None

        def create_uploads_volume(*values):
            values = list(values)
            if at is not None and self.own_path(values[at]) != values[at]:
                values[at] = self.own_path(values[at])
                self.corrected += 1
            return create(*values)

        return create_uploads_volume

    def correct(self, names):
        """In the names of a script, before it runs."""
        if "create_uploads_volume" in names:
            names["create_uploads_volume"] = self.correcting(names["create_uploads_volume"])
