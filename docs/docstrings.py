"""ganexp's docstrings in the API reference: an extension of Griffe, which reads the code for mkdocstrings."""

import re

from griffe import Class, ExprCall, ExprName, Extension, Function, Object


class Docstrings(Extension):
    def on_class_instance(self, *, cls: Class, **kwargs: object) -> None:
        """Griffe knows the dataclasses of the standard library. To a reader, pydantic's are the same."""
        for decorator in cls.decorators:
            value = decorator.value
            if isinstance(value, ExprCall) and value.canonical_path == "pydantic.dataclasses.dataclass":
                value.function = ExprName("dataclasses.dataclass")

    def on_class(self, *, cls: Class, **kwargs: object) -> None:
        _list_fields(cls, {*cls.all_members})

    def on_function(self, *, func: Function, **kwargs: object) -> None:
        _list_fields(func, {parameter.name for parameter in func.parameters})


def _list_fields(described: Object, names: set[str]) -> None:
    """What a docstring says of parameters or fields, a line each (`real, fake: logits.`), becomes a list."""
    if described.docstring is None:
        return
    lines: list[str] = []
    listed = False
    for line in described.docstring.value.splitlines():
        begins = re.match(r"(\w+(?:, \w+)*): ", line)
        if begins and names.issuperset(begins[1].split(", ")):
            if not listed:
                lines.append("")
            line = f"- `{begins[1]}`: {line[begins.end() :]}"
            listed = True
        elif not line:
            listed = False
        lines.append(line)
    described.docstring.value = "\n".join(lines)
