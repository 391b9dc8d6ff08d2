"""What schemathesis cannot make up: ids of things that exist, fresh idempotency keys, card numbers with a check digit,
currencies that the merchant has enabled, cursors that the API gave; and two rules that OpenAPI 3.0 has no words for: how
the names of metadata are spelt, and which hosts are public.

Every change keeps a request as valid or as invalid as it was: a well-formed value becomes another well-formed one. So
nothing here knows an operation by name, and new ones are fuzzed without a change.
"""

import ast
import atexit
import itertools
import json
import os
import random
import re
import threading
import uuid

import schemathesis

ID = re.compile(r"([a-z]+)_[0-9a-f]{32}")
CARD_NUMBER = re.compile(r"[0-9]{12,19}")
IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")
# As the contract has it; the host that stands in for all others is public by its name.
URL = re.compile(r"https?://[!-~]{1,1016}")
PUBLIC_URL = "https://hooks.example.com/"
EVENT_FILTER = re.compile(r"[*]|(payment|payout|refund|webhook_endpoint)[.]([*]|[a-z_]+([.][a-z_]+)*)")
MOST_FILTERS = 20
LONGEST_FILTER = 64
# Nobody answers at that host: endpoints that heard of payments would keep the API's machine busy with tries.
RARE_EVENT = "webhook_endpoint.disabled"
METADATA_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
MOST_METADATA = 16
LONGEST_METADATA = 200
# Of four well-formed keys one stays as it is, and is so used again and again.
KEPT_ONE_IN = 4
# Ids that are remembered of each kind.
REMEMBERED = 200

run = uuid.uuid4()
# How many of a hundred well-formed ids and currencies become real: the more, the more payments, which take their time.
real_percent = int(os.environ["FLORIN_FUZZ_REAL_PERCENT"])
chance = random.Random(int(os.environ["FLORIN_FUZZ_SEED"]))
with open("openapi.json", encoding="utf-8") as file:
    contract = json.load(file)
currencies = contract["components"]["schemas"]["Currency"]["enum"]
# What a cursor looks like, by the list that gives and takes it: `GET /v1/payments`.
cursors = {
    f"{method.upper()} {path}": parameter["schema"]
    for path, methods in contract["paths"].items()
    for method, operation in methods.items()
    for parameter in (operation.get("parameters", []) if isinstance(operation, dict) else [])
    if parameter.get("name") == "cursor"
}
with open(os.path.join(os.path.dirname(__file__), "merchants.json"), encoding="utf-8") as file:
    enabled = sorted(json.load(file)[0]["currencies"])
lock = threading.Lock()
numbers = itertools.count()
known = {}
requests = 0
accepted = {}


parse_source = ast.parse


def parse_source_alone(*arguments, **options):
    """CPython 3.11 counts the depth of a tree in one place for all threads (python/cpython, issue 106905), and Hypothesis
    reads sources in each of them."""
    with source_lock:
        return parse_source(*arguments, **options)


source_lock = threading.Lock()
ast.parse = parse_source_alone


def becomes_real():
    return chance.randrange(100) < real_percent


def swapped(value):
    """Well-formed ids and currencies anywhere in a value, replaced by those of things that exist."""
    if isinstance(value, dict):
        return {name: swapped(inner) for name, inner in value.items()}
    if isinstance(value, str) and value in currencies:
        return chance.choice(enabled) if becomes_real() else value
    if isinstance(value, list):
        return [swapped(inner) for inner in value]
    found = ID.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return value
    with lock:
        candidates = known.get(found[1], [])
        # A real one comes from a link, and is what its scenario is about.
        made_up = value not in candidates
        return chance.choice(candidates) if candidates and made_up and becomes_real() else value


def check_digit(digits):
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
    return str(-sum(number // 10 + number % 10 for number in doubled) % 10)


def with_good_card(body):
    """A well-formed card number gets its check digit, and a year that is over is put off."""
    card = body.get("card") if isinstance(body, dict) else None
    if not isinstance(card, dict):
        return body
    number, year = card.get("number"), card.get("exp_year")
    if isinstance(number, str) and CARD_NUMBER.fullmatch(number):
        card = {**card, "number": number[:-1] + check_digit(number[:-1])}
    if type(year) is int and 2000 <= year < 2050:
        card = {**card, "exp_year": year + 50}
    return {**body, "card": card}


def is_filter_list(events):
    fits = isinstance(events, list) and 1 <= len(events) <= MOST_FILTERS
    return fits and len({str(event) for event in events}) == len(events) and all(
        isinstance(event, str) and len(event) <= LONGEST_FILTER and EVENT_FILTER.fullmatch(event) for event in events
    )


def with_rules_kept(body):
    """A well-formed URL gets a public host, its filters become rare; well-formed metadata gets names that keep its rule."""
    if not isinstance(body, dict):
        return body
    url, metadata = body.get("url"), body.get("metadata")
    if isinstance(url, str) and URL.fullmatch(url):
        body = {**body, "url": f"{PUBLIC_URL}{next(numbers)}"}
        if "events" not in body or is_filter_list(body["events"]):
            body["events"] = [RARE_EVENT]
    if isinstance(metadata, dict) and len(metadata) <= MOST_METADATA:
        fits = all(isinstance(value, str) and len(value) <= LONGEST_METADATA for value in metadata.values())
        if fits:
            # Numbered, so that no two names become one.
            named = {name if METADATA_NAME.fullmatch(name) else f"name-{place}": value
                     for place, (name, value) in enumerate(metadata.items())}
            body = {**body, "metadata": named}
    return body


def with_our_cursor(label, query):
    """A well-formed cursor becomes one that the same list gave, or goes."""
    cursor = (query or {}).get("cursor")
    schema = cursors.get(label)
    well_formed = isinstance(cursor, str) and schema and re.search(schema["pattern"], cursor)
    if well_formed and len(cursor) <= schema.get("maxLength", len(cursor)):
        with lock:
            given = known.get(label)
        query = {name: value for name, value in query.items() if name != "cursor"}
        if given:
            query["cursor"] = chance.choice(given)
    return query


def remember(kind, value):
    with lock:
        values = known.setdefault(kind, [])
        if len(values) < REMEMBERED:
            values.append(value)
        else:
            values[chance.randrange(REMEMBERED)] = value


def fresh_key(headers):
    for name, value in list((headers or {}).items()):
        fits = isinstance(value, str) and IDEMPOTENCY_KEY.fullmatch(value)
        if name.lower() == "idempotency-key" and fits and chance.randrange(KEPT_ONE_IN):
            headers[name] = f"{run}-{next(numbers)}"


@schemathesis.hook
def before_call(context, case, kwargs):
    case.body = with_rules_kept(with_good_card(swapped(case.body)))
    case.query = with_our_cursor(case.operation.label, case.query)
    # What is there may be deleted by the scenario that made it, not under the feet of another.
    if case.method.upper() != "DELETE":
        case.path_parameters = swapped(case.path_parameters)
    fresh_key(case.headers)


@schemathesis.hook
def after_call(context, case, response):
    global requests
    with lock:
        requests += 1
        operation = case.operation.label
        accepted[operation] = accepted.get(operation, 0) + (response.status_code < 300)
    if response.status_code >= 300:
        return
    try:
        answer = response.json()
    except ValueError:
        return
    answer = answer if isinstance(answer, dict) else {}
    found = ID.fullmatch(answer.get("id") or "")
    if found:
        remember(found[1], found[0])
    if answer.get("next_cursor"):
        remember(operation, answer["next_cursor"])


@atexit.register
def report():
    with open(os.environ["FLORIN_FUZZ_REPORT"], "w", encoding="utf-8") as file:
        json.dump({"requests": requests, "accepted": accepted}, file)
