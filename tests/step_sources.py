"""What the source of each step is: its function, and everything in the package that it reaches by name."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache

from house_code import TREES

Place = tuple[str, str]
"""Module and name of a definition; Class.method for a method."""

# These hand out work and keep results, but compute none.
IGNORED = {
    f"engine.{name}"
    for name in ("run", "store", "journal", "checkpoints", "codec", "keys", "executor", "arrays", "heap")
}
BACKEND = "kernels.cpu.backend", "CpuBackend"


@cache
def definitions(module: str) -> dict[str, ast.stmt]:
    """The definitions of a module, and the methods of its classes, by name."""
    found: dict[str, ast.stmt] = {}
    for node in TREES[module].body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        found |= {target.id: node for target in targets if isinstance(target, ast.Name)}
        for member in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(member, ast.FunctionDef):
                found[f"{node.name}.{member.name}"] = member
    return found


@cache
def imports(module: str) -> dict[str, Place]:
    """What a module imports from the package: (module, name); the name is empty for a module."""
    found: dict[str, Place] = {}
    blocks = [block for block in TREES[module].body if isinstance(block, ast.If)]  # of a package that loads them later
    for node in [*TREES[module].body, *(node for block in blocks for node in block.body)]:
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "spikesieve":
            of = (node.module or "").removeprefix("spikesieve").removeprefix(".")
            for alias in node.names:
                whole = f"{of}.{alias.name}".removeprefix(".")
                is_module = whole in TREES or f"{whole}.__init__" in TREES
                found[alias.asname or alias.name] = (whole, "") if is_module else (of, alias.name)
    return found


def resolved(module: str, name: str) -> Place | None:
    """Where a name of a module is defined in the package."""
    module = module if module in TREES else f"{module}.__init__"
    if module not in TREES:
        return None
    if name in definitions(module):
        return module, name
    if name in imports(module):
        of, original = imports(module)[name]
        return (of, "") if not original else resolved(of, original)
    return None


def reached(module: str, node: ast.AST) -> Iterator[Place]:
    """Definitions that a piece of code names."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and (place := resolved(module, part.id)):
            yield place
        if isinstance(part, ast.Attribute):
            owner = part.value
            place = resolved(module, owner.id) if isinstance(owner, ast.Name) else None
            inner = resolved(place[0], part.attr) if place and not place[1] else None
            if inner:
                yield inner
            if ast.unparse(owner).rpartition(".")[2] == "backend":
                yield BACKEND[0], f"{BACKEND[1]}.{part.attr}"


def pieces(place: Place) -> list[ast.AST]:
    """The code of a definition. Of a class: its fields and special methods; other methods count where they are used."""
    module, name = place
    node = definitions(module).get(name)
    if isinstance(node, ast.ClassDef):
        # The values of settings are in the key of a step, so their defaults and descriptions do not count.
        fields = (
            [] if module.startswith("settings") else [each for each in node.body if isinstance(each, ast.AnnAssign)]
        )
        special = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name.startswith("__")]
        return [*node.bases, *node.decorator_list, *fields, *special]
    return [] if node is None else [node]


def attributes_in(node: ast.AST) -> set[str]:
    """Names after a dot."""
    return {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}


def source_of(step: Place) -> dict[Place, list[ast.AST]]:
    """Everything that a step reaches."""
    found: dict[Place, list[ast.AST]] = {}
    # What the run calls on sources and tasks.
    waiting, attributes = [step], attributes_in(TREES["engine.run"])
    while waiting:
        while waiting:
            place = waiting.pop()
            if place in found or place[0] in IGNORED or not place[1]:
                continue
            found[place] = pieces(place)
            for node in found[place]:
                waiting += reached(place[0], node)
                attributes |= attributes_in(node)
        classes = [(m, name) for m, name in found if isinstance(definitions(m).get(name), ast.ClassDef)]
        methods = [(m, f"{name}.{attribute}") for m, name in classes for attribute in attributes]
        waiting = [(m, name) for m, name in methods if name in definitions(m) and (m, name) not in found]
    return found


def digest_of(step: Place) -> str:
    """Digest of the source of a step, without docstrings, comments and line breaks."""
    digest = hashlib.blake2b(digest_size=8)
    for place, nodes in sorted(source_of(step).items()):
        digest.update("\n".join([*place, *(_normal(node) for node in nodes)]).encode())
    return digest.hexdigest()


def _normal(node: ast.AST) -> str:
    tree = ast.parse(ast.unparse(node))
    for part in ast.walk(tree):
        if isinstance(part, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(part) is not None:
            part.body = part.body[1:]
        if isinstance(part, ast.FunctionDef):
            part.decorator_list = [each for each in part.decorator_list if "versioned" not in ast.unparse(each)]
    return ast.dump(tree)


def steps() -> dict[str, tuple[int, Place]]:
    """Version and place of each step of the package."""
    found = {}
    for module in TREES:
        for name, node in definitions(module).items():
            for decorator in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "versioned":
                    found[f"{module}.{name}"] = ast.literal_eval(decorator.args[0]), (module, name)
    return found
