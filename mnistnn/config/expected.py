"""Descriptions of what a JSON Schema expects: `an integer >= 1 or 'full'`, `a number in [0, 1)`.

The schema is the one that pydantic writes for the components, so that a range is stated once, on its field.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


class SchemaBook:
    """A JSON Schema with its definitions at hand."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self._definitions: dict[str, Schema] = root.get("$defs", {})

    def resolve(self, schema: Schema) -> Schema:
        """Follow a reference to its definition."""
        while "$ref" in schema:
            schema = self._definitions[schema["$ref"].rpartition("/")[2]]
        return schema

    def branches(self, schema: Schema) -> list[Schema]:
        """Return the alternatives of a plain union, or the schema itself; null is left out."""
        schema = self.resolve(schema)
        if "anyOf" not in schema:
            return [schema]
        return [self.resolve(branch) for branch in schema["anyOf"] if branch.get("type") != "null"]

    def tags(self, schema: Schema) -> dict[str, Schema]:
        """Return the components of a union by their `type`; empty for anything else."""
        found: dict[str, Schema] = {}
        for branch in self.branches(schema):
            mapping = branch.get("discriminator", {}).get("mapping", {})
            found |= {tag: self.resolve({"$ref": reference}) for tag, reference in mapping.items()}
        return found

    def types(self, schema: Schema) -> list[str]:
        """Return the words that `type` may be in a component or a union of them."""
        return list(self.tags(schema)) or self.literals(self.child(schema, "type"))

    def keys(self, schema: Schema) -> list[str]:
        """Return the keys that a component may have, required ones first."""
        found: dict[str, None] = {}
        for branch in self.branches(schema):
            properties = branch.get("properties", {})
            found |= dict.fromkeys(key for key in branch.get("required", []) if key in properties)
            found |= dict.fromkeys(properties)
        return list(found)

    def child(self, schema: Schema, part: str | int) -> Schema:
        """Return the schema of an item or a key; empty when the schema knows nothing of it."""
        for branch in self.branches(schema):
            if isinstance(part, int) and branch.get("type") == "array":
                prefix = branch.get("prefixItems", [])
                found: Schema = prefix[part] if part < len(prefix) else branch.get("items", {})
                return found
            if isinstance(part, str) and branch.get("type") == "object":
                if part in branch.get("properties", {}):
                    own: Schema = branch["properties"][part]
                    return own
                return self.entries(branch)
        return {}

    def entries(self, schema: Schema) -> Schema:
        """Return the schema of the values of a mapping with free keys; empty when its keys are fixed."""
        for candidate in (schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()):
            if isinstance(candidate, dict):
                return candidate
        return {}

    def literals(self, schema: Schema) -> list[str]:
        """Return the words that the schema allows by name."""
        words: list[Any] = []
        for branch in self.branches(schema):
            words += branch.get("enum", [branch["const"]] if "const" in branch else [])
        return [word for word in words if isinstance(word, str)]

    def describe(self, schema: Schema) -> str:
        """Say what values the schema allows."""
        resolved = self.resolve(schema)
        if "anyOf" in resolved:
            return " or ".join(self._alternatives(resolved["anyOf"]))
        if types := self.types(resolved):
            return f"a mapping with type {_either(types)}"
        if "const" in resolved:
            return _quoted(resolved["const"])
        if "enum" in resolved:
            return _either(resolved["enum"])
        return self._describe_type(resolved)

    def _alternatives(self, branches: list[Schema]) -> Iterator[str]:
        """Yield what each branch allows. What may stand alone is not described again for a list of such."""
        alone: list[str] = []
        for branch in branches:
            words = self.describe(branch)
            several, _, each = words.partition(", each ")
            yield f"{several} of them" if each in alone else words
            alone.append(words)

    def _describe_type(self, schema: Schema) -> str:
        match schema.get("type"):
            case "integer":
                return f"an integer{_range(schema)}"
            case "number":
                return f"a number{_range(schema)}"
            case "boolean":
                return "true or false"
            case "null":
                return "null"
            case "string":
                return "text" + "".join(_text_rules(schema))
            case "array":
                return self._describe_list(schema)
            case "object":
                least = schema.get("minProperties", 0)
                return f"a mapping with at least {_count(least, 'key')}" if least else "a mapping"
        return "another value"

    def _describe_list(self, schema: Schema) -> str:
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        if least == most:
            count = f" of {least}"
        elif most is not None:
            count = f" of {least} to {most}"
        else:
            count = f" of at least {_count(least, 'item')}" if least else ""
        kinds = schema.get("prefixItems", [schema["items"]] if "items" in schema else [])
        words = list(dict.fromkeys(self.describe(kind) for kind in kinds))
        return f"a list{count}" + (f", each {words[0]}" if len(words) == 1 else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _range(schema: Schema) -> str:
    """Write the bounds of a number: ` in [0, 1)`, ` >= 1`."""
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    left = f"[{_number(low)}" if low is not None else f"({_number(above)}" if above is not None else ""
    right = f"{_number(high)}]" if high is not None else f"{_number(below)})" if below is not None else ""
    if left and right:
        return f" in {left}, {right}"
    if left:
        return f" >= {left[1:]}" if low is not None else f" > {left[1:]}"
    if right:
        return f" <= {right[:-1]}" if high is not None else f" < {right[:-1]}"
    return ""


def _number(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else repr(bound)


def _text_rules(schema: Schema) -> Iterator[str]:
    if "minLength" in schema:
        yield f" of at least {schema['minLength']} characters"
    if "maxLength" in schema:
        yield f" of at most {schema['maxLength']} characters"
    if "pattern" in schema:
        yield f" that matches {schema['pattern']}"


def _either(words: Any) -> str:
    *first, last = [_quoted(word) for word in words]
    return f"{', '.join(first)} or {last}" if first else last


def _quoted(word: Any) -> str:
    return f"'{word}'" if isinstance(word, str) else str(word).lower()
