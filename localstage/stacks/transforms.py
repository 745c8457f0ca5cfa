"""The transforms of a template: which there are, and which the stage runs."""

from __future__ import annotations

from collections.abc import Mapping

from localstage.stacks.errors import ValidationError
from localstage.stacks.template import Template

SERVERLESS = "AWS::Serverless-2016-10-31"
# Adds Fn::ToJsonString, Fn::Length and defaults of Fn::FindInMap to the language;
# the resolver knows the first two with and without it.
LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"


def transformed(template: Template, parameters: Mapping[str, str], region: str) -> Template:
    """The template after its transforms.

    Raises:
        ValidationError: a transform is not known here, or refuses the template.
    """
    for name in template.transforms:
        if name == SERVERLESS:
            from localstage.stacks.serverless import translated

            template = translated(template, parameters, region)
        elif name != LANGUAGE_EXTENSIONS:
            raise ValidationError(f"No transform named {name} found.")
    return template
