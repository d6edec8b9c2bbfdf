"""What a process keeps between requests and tasks is declared, and of people for ten minutes."""

import ast
import resource
from collections.abc import Collection, Iterator
from pathlib import Path

from celery.signals import task_prerun
from django.conf import settings
from django.core.signals import request_started

from config.apps import forget_before_a_request
from config.process_memory import PROCESS_MEMORY
from profiles.lib.memory import REMEMBERED_SECONDS, Memory

ROOT = Path(settings.BASE_DIR)
APPS = ("config", "profiles", "consent", "ingestion", "segments")
CACHES = {"cache", "lru_cache", "remembered", "cached"}
CHANGING = {"dict", "list", "set", "defaultdict", "deque", "OrderedDict", "local", "array"}
CHANGES = {"append", "add", "update", "setdefault", "pop", "popitem", "clear", "extend", "insert"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            # Django and Celery read the others, and want plain lists.
            if "migrations" not in path.parts and path.name not in ("urls.py", "celeryconfig.py"):
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                yield name.removesuffix(".__init__"), ast.parse(path.read_text())


def called(node: ast.expr | None) -> str:
    """The name of what is called, or of the decorator."""
    while isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def kept_in(module: ast.Module) -> Iterator[str]:
    """Yield the caches and the changing globals of a module."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            if any(called(decorator) in CACHES for decorator in node.decorator_list):
                yield node.name
        elif isinstance(node, ast.Global):
            yield from node.names
    globals_ = dict(assigned(module))
    for name, value in globals_.items():
        is_constant = name.strip("_").isupper() or name.startswith("__")
        is_display = isinstance(value, ast.Dict | ast.List | ast.Set | ast.ListComp | ast.DictComp)
        is_cache = isinstance(value, ast.Call) and called(value) in CACHES
        if is_cache or (not is_constant and (is_display or called(value) in CHANGING)):
            yield name
    yield from changed_in_functions(module, globals_.keys())


def assigned(module: ast.Module) -> Iterator[tuple[str, ast.expr | None]]:
    for node in module.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        for target in targets:
            # What is declared to be frozen, as by MappingProxyType, is a call of something else.
            if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign):
                yield target.id, node.value


def changed_in_functions(module: ast.Module, names: Collection[str]) -> Iterator[str]:
    """Yield the globals, constants by their name too, that a function changes in place."""
    for function in ast.walk(module):
        if isinstance(function, ast.FunctionDef):
            own = {node.id for node in ast.walk(function) if is_stored(node)}
            own |= {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
            changed = {name for node in ast.walk(function) if (name := changed_by(node))}
            yield from changed.intersection(names) - own


def changed_by(node: ast.AST) -> str:
    """The name of what an item is set or deleted of, or whose changing method is called."""
    is_item = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del)
    is_method = isinstance(node, ast.Attribute) and node.attr in CHANGES
    if not (is_item or is_method) or not isinstance(node, ast.Subscript | ast.Attribute):
        return ""
    return node.value.id if isinstance(node.value, ast.Name) else ""


def is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def test_every_cache_and_every_changing_global_is_declared_and_nothing_else() -> None:
    found = {f"{name}.{kept}" for name, module in modules() for kept in kept_in(module)}
    # They change by their own methods, which no list of names of methods knows.
    by_methods = {"consent.suppression.memory._lock", "profiles.lib.memory._people"}
    assert found | by_methods == set(PROCESS_MEMORY)


def test_an_undeclared_one_is_found() -> None:
    text = """
from functools import cache
CONSTANT = {"a": 1}
KNOWN: dict[str, int] = {}
seen = set()
quick = lru_cache(maxsize=2)(len)

@cache
def answer(): ...

def remember(name):
    KNOWN[name] = 1
    CONSTANT.get(name)

def count():
    global total
"""
    assert set(kept_in(ast.parse(text))) == {"KNOWN", "seen", "quick", "answer", "total"}


def test_what_messages_say_of_people_is_forgotten_after_ten_minutes() -> None:
    calls = []
    memory = Memory(now=0)

    @memory.remembered(maxsize=4)
    def spelled(text: str) -> str:
        calls.append(text)
        return text

    spelled("ada"), spelled("ada")
    memory.forget(now=REMEMBERED_SECONDS - 1)
    spelled("ada")
    assert calls == ["ada"]
    memory.forget(now=REMEMBERED_SECONDS)
    spelled("ada")
    assert calls == ["ada", "ada"]


def test_each_request_and_each_task_looks_whether_it_is_time_to_forget() -> None:
    # Disconnecting says whether there was anything to disconnect.
    assert request_started.disconnect(forget_before_a_request)
    request_started.connect(forget_before_a_request)
    assert task_prerun.has_listeners()


def test_no_process_leaves_its_memory_in_a_file() -> None:
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
