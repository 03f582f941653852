"""Compares what a restore2preview.py gives to the site's models with what they take.

request: script (its text). Answers with all mismatches at once; opens no database. Functions
that no active execfile line of main() uses are not looked at.
"""
import ast
import builtins
import difflib
import re

SHOWN = 8  # fields offered in the place of one that is gone


class Script:
    def __init__(self, tree):
        self.functions, self.models, self.names = {}, {}, set(dir(builtins)) | {"__file__"}
        self.star = False
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                self.functions[node.name] = node
            elif isinstance(node, ast.Assign):
                self.add_model(node)
        self.add_names(tree)

    def add_model(self, node):
        call = node.value
        if isinstance(call, ast.Call) and name_of(call.func) == "resolve_model" and call.args \
                and isinstance(call.args[0], ast.Constant):
            for target in node.targets:
                self.models[name_of(target)] = call.args[0].value

    def add_names(self, tree):
        """All names bound at the top level, in its ifs and tries too, but not in functions."""
        todo = list(tree.body)
        while todo:
            node = todo.pop()
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                self.names.add(node.name)
                continue
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self.names.update((a.asname or a.name).split(".")[0] for a in node.names)
                self.star = self.star or any(a.name == "*" for a in node.names)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self.names.add(node.id)
            todo.extend(ast.iter_child_nodes(node))

    def active(self):
        """The create_ functions that main() uses through the files it executes."""
        main = self.functions.get("main")
        for node in ast.walk(main) if main else []:
            if isinstance(node, ast.Call) and name_of(node.func) == "execfile" and node.args \
                    and isinstance(node.args[0], ast.Constant):
                table = re.sub(r"\.py$", "", str(node.args[0].value))
                for name in (f"create_{table}", "create_" + re.sub(r"_\d+$", "", table)):
                    if name in self.functions:
                        yield self.functions[name]
                        break


def name_of(node):
    return node.id if isinstance(node, ast.Name) else None


def text_of(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


class Function:
    """What a create_ function gives to which model."""

    def __init__(self, node):
        self.node, self.fields, self.returned = node, {}, []
        for part in ast.walk(node):
            if isinstance(part, ast.Return):
                self.see_return(part.value)
            elif isinstance(part, ast.Call):
                self.see_call(part)
            elif isinstance(part, ast.Subscript) and name_of(part.value) == "kw":
                self.see_subscript(part)

    def add(self, name, node):
        if name is not None:
            self.fields.setdefault(name, node.lineno)

    def see_return(self, value):
        if not isinstance(value, ast.Call):
            return
        model = value.func
        if name_of(value.func) == "create_mti_child" and len(value.args) > 2:
            model = value.args[2]
        self.returned.append((name_of(model), value.lineno))
        for keyword in value.keywords:
            self.add(keyword.arg, keyword.value)

    def see_call(self, call):
        if name_of(call.func) == "dict" and self.is_kw(call):
            for keyword in call.keywords:
                self.add(keyword.arg, keyword.value)
        method = call.func
        if not isinstance(method, ast.Attribute) or name_of(method.value) != "kw":
            return
        if method.attr == "update":
            for keyword in call.keywords:
                self.add(keyword.arg, keyword.value)
            for argument in call.args:
                self.see_update(argument)
        elif method.attr == "setdefault" and call.args:
            self.add(text_of(call.args[0]), call)
        elif method.attr == "pop" and call.args:
            self.fields.pop(text_of(call.args[0]), None)

    def see_update(self, argument):
        if isinstance(argument, ast.Call) and name_of(argument.func) == "bv2kw" and argument.args:
            self.add(text_of(argument.args[0]), argument)
        elif isinstance(argument, ast.Call) and name_of(argument.func) == "dict":
            for keyword in argument.keywords:
                self.add(keyword.arg, keyword.value)
        elif isinstance(argument, ast.Dict):
            for key in argument.keys:
                self.add(text_of(key), argument)

    def see_subscript(self, part):
        if isinstance(part.ctx, ast.Store):
            self.add(text_of(part.slice), part)
        elif isinstance(part.ctx, ast.Del):
            self.fields.pop(text_of(part.slice), None)

    def is_kw(self, call):
        return any(isinstance(part, ast.Assign) and part.value is call
                   and any(name_of(target) == "kw" for target in part.targets)
                   for part in ast.walk(self.node))

    def undefined(self, names):
        known = set(names)
        for part in ast.walk(self.node):
            if isinstance(part, ast.arg):
                known.add(part.arg)
            elif isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
                known.add(part.id)
            elif isinstance(part, (ast.Import, ast.ImportFrom)):
                known.update((a.asname or a.name).split(".")[0] for a in part.names)
            elif isinstance(part, (ast.FunctionDef, ast.ClassDef)):
                known.add(part.name)
            elif isinstance(part, ast.ExceptHandler) and part.name:
                known.add(part.name)
        for part in ast.walk(self.node):
            if isinstance(part, ast.Name) and part.id not in known:
                known.add(part.id)  # once
                yield part.id, part.lineno


def takes(model, name):
    """As Django's Model.__init__ does."""
    from django.core.exceptions import FieldDoesNotExist

    meta = model._meta
    if name == "pk" or name in meta._property_names or \
            any(name == field.attname for field in meta.fields):
        return True
    try:
        meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def offered(model, function, name):
    given = {n for given in function.fields for n in (given, re.sub("_id$", "", given))}
    free = [f.name for f in model._meta.fields if f.name not in given and f.attname not in given
            and getattr(f, "column", None) and not f.auto_created]
    near = difflib.get_close_matches(name, free, SHOWN, 0.3)
    return near + [f for f in free if f not in near]


def compare(model_name, model, function):
    for name, line in function.fields.items():
        if takes(model, name):
            continue
        free = offered(model, function, name)
        what = f"field '{name}' is gone from {model_name}"
        if free:
            more = ", ..." if len(free) > SHOWN else ""
            what += f"; it also has: {', '.join(free[:SHOWN])}{more}"
        yield line, what


def mismatches(script):
    from lino.core.utils import UnresolvedModel, resolve_model

    for node in script.active():
        function = Function(node)
        if not script.star:
            for name, line in function.undefined(script.names):
                yield line, node.name, f"the name '{name}' is not defined"
        for variable, line in function.returned:
            if variable not in script.models:
                continue
            model_name = script.models[variable]
            model = resolve_model(model_name)
            if isinstance(model, UnresolvedModel):
                table = node.name[len("create_"):]
                yield line, node.name, (f"model {model_name} is gone: put a '#' before "
                                        f"execfile(\"{table}.py\", ...) in main(), or create "
                                        f"objects of another model")
                continue
            for field_line, what in compare(model_name, model, function):
                yield field_line, node.name, what


def answer(execute):
    import django

    quiet()
    django.setup()
    found = sorted(set(mismatches(Script(tree))))
    result({"mismatches": [{"line": line, "function": function, "what": what}
                           for line, function, what in found]})


try:
    tree = ast.parse(request["script"])
except SyntaxError as error:
    result({"mismatches": [{"line": error.lineno or 0, "function": "",
                            "what": f"not valid Python: {error.msg}"}]})
else:
    enter([], answer)
