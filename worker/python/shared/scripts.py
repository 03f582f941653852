"""A restore.py or restore2preview.py as what it says, not as its text.

Lino orders functions and execfile lines anew when row counts change: order within main() matters
to how it is run, never to whether two scripts are the same.
"""
import ast
import re

from understudy_dumps import Unusual

# Statements of main() besides its execfile lines, as ast.unparse writes them.
KNOWN = re.compile(
    r"loader = DpyLoader\(globals\(\)[^()]*\)"
    r"|from django\.core\.management import call_command"
    r"|call_command\('(initdb|resetsequences)'[^()]*\)"
    r"|os\.chdir\(os\.path\.dirname\(__file__\)\)"
    r"|loader\.(initialize|finalize|flush_deferred_objects)\(\)"
    r"|args = \(globals\(\), locals\(\)\)"
    r"|logger\.info\('Loaded %d objects', loader\.count_objects\)"
    r"|pass")
EXECFILE = re.compile(r"execfile\('(\w+\.py)', \*args\)")
PART = re.compile(r"_\d+\.py$|\.py$")


class Script:
    """files: what main() executes, in its order; parts: {what: text} of all the rest."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        self.files, self.parts = [], {}
        try:
            tree = ast.parse(text)
        except SyntaxError as error:
            raise Unusual(f"{path} is not valid Python: {error}") from None
        self.code = compile(tree, path, "exec")
        main = None
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == "main":
                main = node
            elif isinstance(node, ast.FunctionDef):
                self.parts[f"the function {node.name}()"] = ast.dump(node)
            else:
                self.parts[f"the statement {ast.unparse(node)[:60]!r}"] = ast.dump(node)
        if main is None:
            raise Unusual(f"{path} has no function main()")
        self.read_main(main)

    def read_main(self, main):
        for node in main.body:
            text = ast.unparse(node)
            if found := EXECFILE.fullmatch(text):
                self.files.append(found[1])
            elif KNOWN.fullmatch(text):
                self.parts[f"main()'s {text[:60]!r}"] = text
            else:
                raise Unusual(f"main() has a statement that is not known: {text[:80]!r}")
        for file in self.files:
            self.parts[f"main()'s execfile of {PART.sub('', file)}"] = True



def difference(old, new):
    """The first thing that is not the same in both; None: there is none."""
    for what in sorted(old.parts.keys() | new.parts.keys()):
        if old.parts.get(what) != new.parts.get(what):
            return what
    return None
