"""The transform ``AWS::Serverless-2016-10-31``: SAM templates to plain ones.

The work is aws-sam-translator's, the same code that AWS runs. This file gives
it what it asks for and puts its refusals in CloudFormation's words.
"""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Mapping
from typing import Any

from localstage.stacks.errors import ValidationError
from localstage.stacks.template import Template, checked_template

log = logging.getLogger(__name__)


def translated(template: Template, parameters: Mapping[str, str], region: str) -> Template:
    """The template with its serverless resources replaced by those that they stand for.

    Raises:
        ValidationError: SAM refuses the template.
    """
    # Imported here: it takes half a second, which a stage without SAM need not spend.
    import boto3
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    session = boto3.Session("none", "none", region_name=region)
    translator = Translator({}, Parser(), boto_session=session)
    values: dict[str, Any] = {**parameters, "AWS::Region": region}
    try:
        body = translator.translate(copy.deepcopy(template.body), parameter_values=values)
    except InvalidDocumentException as error:
        causes = " ".join(cause.message for cause in error.causes)
        raise ValidationError(f"Transform AWS::Serverless-2016-10-31 failed with: {error.message} {causes}") from None
    except Exception:  # The translator raises what it likes for shapes that it does not expect.
        log.exception("A template could not be translated")
        raise ValidationError("Transform AWS::Serverless-2016-10-31 failed with: Internal transform failure.") from None
    finally:
        translator.metrics.publish()  # Publishes nowhere; without it SAM warns on stderr.
    body.pop("Transform", None)
    return checked_template(json.dumps(body, default=str), body)
