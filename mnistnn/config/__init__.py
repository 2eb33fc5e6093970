"""From YAML text to one validated experiment, with a message at its line for every mistake."""
