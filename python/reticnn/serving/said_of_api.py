"""What the API is, as OpenAPI says it."""

from reticnn.serving.uploads import MOST_IMAGES

_PROBLEM = {"type": "object", "properties": {"error": {"type": "string"}}}

_REFUSALS = {
    "400": "Nothing could be read; the reason is given.",
    "401": "The server needs a key, and this is not it.",
    "408": "The request did not arrive in time.",
    "413": "The request has more bytes than the server accepts.",
}


def openapi(facts):
    """Return the description of the API of a server.

    Args:
        facts: Dict, what `/classes` answers.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Classifier {facts['model']}",
            "version": facts["version"],
            "description": f"Predicts {len(facts['classes'])} classes.",
        },
        "paths": {
            "/predict": {"post": _predict(facts)},
            "/explain": {"post": _explain(facts)},
            "/classes": {"get": _classes(facts)},
            "/health": {"get": _health()},
        },
        "components": {
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}
            }
        },
        "security": [{}, {"key": []}],
    }


def _predict(facts):
    file = {"type": "string", "format": "binary"}
    form = {"images": {"type": "array", "items": file, "maxItems": MOST_IMAGES}}
    return {
        "summary": "Predict the class of one or several images",
        "description": (
            "Send the bytes of one image file as the body, or several files as a form "
            "(multipart/form-data) with any field names. There is one prediction for "
            "each, in the same order. Among several files, those that cannot be read "
            "have a `problem` instead of a prediction."
        ),
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": file},
                "multipart/form-data": {
                    "schema": {"type": "object", "properties": form}
                },
            },
        },
        "parameters": [
            {
                "name": "name",
                "in": "query",
                "schema": {"type": "string"},
                "description": "A name for the file sent as the body.",
            }
        ],
        "responses": {
            "200": _answer(
                "The predictions.",
                {
                    "type": "object",
                    "properties": {
                        "predictions": {"type": "array", "items": _prediction(facts)}
                    },
                },
                {"predictions": [_example(facts)]},
            ),
            **_refusals("400", "401", "408", "413"),
        },
        "x-examples": [
            "curl --data-binary @photo.jpg http://127.0.0.1:8000/predict",
            "curl -F images=@1.jpg -F images=@2.jpg http://127.0.0.1:8000/predict",
        ],
    }


def _prediction(facts):
    """Return the schema of what is said of one image."""
    name = {"type": "string", "enum": facts["classes"]}
    chance = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
    properties = {
        "file": {"type": ["string", "null"]},
        "class": {**name, "type": ["string", "null"]},
        "probability": chance,
        "probabilities": {
            "type": "object",
            "properties": dict.fromkeys(facts["classes"], chance),
        },
        "problem": {"type": "string"},
    }
    if facts["sets"]:
        properties["set"] = {"type": ["array", "null"], "items": name}
    if facts["novelty"]:
        properties["novel"] = {"type": ["boolean", "null"]}
    return {"type": "object", "properties": properties}


def _example(facts):
    """Return a prediction that is made up."""
    names = facts["classes"]
    chances = [0.75, *[round(0.25 / (len(names) - 1), 4)] * (len(names) - 1)]
    example = {
        "file": "photo.jpg",
        "class": names[0],
        "probability": 0.75,
        "probabilities": dict(zip(names, chances, strict=True)),
    }
    if facts["sets"]:
        example["set"] = names[:2]
    if facts["novelty"]:
        example["novel"] = False
    return example


def _explain(facts):
    return {
        "summary": "Show which parts of an image speak for a class",
        "description": (
            "Send one image, as to `/predict`. A patch is moved over it; where that "
            "lowers the score of the class, the image speaks for the class. The answer "
            "is a picture to lay over the image, orange where the image speaks for the "
            "class and blue where it speaks against it. This takes a few hundred "
            "predictions."
        ),
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {
                    "schema": {"type": "string", "format": "binary"}
                }
            },
        },
        "parameters": [
            {
                "name": "class",
                "in": "query",
                "required": True,
                "schema": {"type": "string", "enum": facts["classes"]},
                "description": "The class.",
            }
        ],
        "responses": {
            "200": _answer(
                "A picture with transparent parts, a PNG as a `data:` address.",
                {
                    "type": "object",
                    "properties": {
                        "class": {"type": "string"},
                        "picture": {"type": "string"},
                        "width": {"type": "integer"},
                        "height": {"type": "integer"},
                    },
                },
            ),
            **_refusals("400", "401", "408", "413"),
            "503": _answer("Too many heat maps are being made.", _PROBLEM),
        },
    }


def _classes(facts):
    return {
        "summary": "Describe the classifier",
        "description": (
            "The classes, the size that images are resized to, the coverage of "
            "prediction sets, or false without them, whether novel images are "
            "recognised, and whether the probabilities are calibrated."
        ),
        "responses": {
            "200": _answer("The facts.", {"type": "object"}, facts),
            **_refusals("401"),
        },
    }


def _health():
    return {
        "summary": "Check that the server is there",
        "description": "Answers as soon as the classifier is ready.",
        "responses": {
            "200": _answer("It is.", {"type": "object"}, {"status": "ok"}),
        },
    }


def _answer(description, schema, example=None):
    content = {"schema": schema}
    if example is not None:
        content["example"] = example
    return {
        "description": description,
        "content": {"application/json": content},
    }


def _refusals(*statuses):
    return {status: _answer(_REFUSALS[status], _PROBLEM) for status in statuses}
