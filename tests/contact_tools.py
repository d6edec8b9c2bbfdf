"""Stand-ins for services that keep contacts by their addresses."""

import base64
import hashlib
import re
from typing import Any
from urllib.parse import unquote

from tests.tools import Request, Response, Service


def is_address(text: Any) -> bool:
    return isinstance(text, str) and re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-z]+", text) is not None


class HubSpot(Service):
    """CRM API v3: batches that answer 207 with the contacts that were not taken."""

    def __init__(self) -> None:
        super().__init__()
        self.contacts: dict[str, dict[str, str]] = {}
        self.blocked: set[str] = set()

    def answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer pat-1":
            return Response(401, {"category": "INVALID_AUTHENTICATION"})
        match request.method, request.path.removeprefix("/crm/v3/objects/contacts"):
            case "GET", "":
                return Response(200, {"results": []})
            case "POST", "/gdpr-delete":
                assert request.body["idProperty"] == "email"
                is_known = self.contacts.pop(request.body["objectId"], None)
                return Response(204 if is_known is not None else 404)
            case "POST", ("/batch/upsert" | "/batch/update") as path:
                return self.batch(request.body["inputs"], is_update=path.endswith("update"))
        return Response(404)

    def batch(self, inputs: list[Any], *, is_update: bool) -> Response:
        if len(inputs) > 100:
            return Response(400, {"category": "VALIDATION_ERROR"})
        errors = []
        for row in inputs:
            assert row["idProperty"] == "email"
            email = row["id"]
            if email in self.blocked or (is_update and email not in self.contacts):
                category = "OBJECT_NOT_FOUND" if is_update else "VALIDATION_ERROR"
                errors.append({"category": category, "context": {"ids": [email]}})
            else:
                self.contacts.setdefault(email, {}).update(row["properties"])
        return Response(207 if errors else 200, {"results": [], "errors": errors})


class Salesforce(Service):
    """REST API: contacts by an external id, each of a collection taken or refused by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.contacts: dict[str, dict[str, Any]] = {}
        self.blocked: set[str] = set()

    def answer(self, request: Request) -> Response:
        if request.path == "/services/oauth2/token":
            is_right = request.body["client_secret"] == ["secret-1"]
            return Response(200 if is_right else 400, {"access_token": "00D1"} if is_right else {})
        if request.headers.get("authorization") != "Bearer 00D1":
            return Response(401, [{"errorCode": "INVALID_SESSION_ID"}])
        path = request.path.removeprefix("/services/data/v62.0/")
        match request.method, path:
            case "GET", "sobjects/Contact":
                return Response(200, {"objectDescribe": {"name": "Contact"}})
            case "PATCH", "composite/sobjects/Contact/Tessera_Id__c":
                assert request.body["allOrNone"] is False
                assert len(request.body["records"]) <= 200
                return Response(200, [self.upsert(row) for row in request.body["records"]])
            case "DELETE", path if path.startswith("sobjects/Contact/Tessera_Id__c/"):
                is_known = self.contacts.pop(unquote(path.rpartition("/")[2]), None)
                return Response(204 if is_known is not None else 404)
        return Response(404, [{"errorCode": "NOT_FOUND"}])

    def upsert(self, row: dict[str, Any]) -> dict[str, Any]:
        row = dict(row)
        assert row.pop("attributes") == {"type": "Contact"}
        key = row.pop("Tessera_Id__c")
        fault = ""
        if key in self.blocked:
            fault = "INVALID_EMAIL_ADDRESS"
        elif key not in self.contacts and not row.get("LastName"):
            fault = "REQUIRED_FIELD_MISSING"
        if fault:
            return {"success": False, "errors": [{"statusCode": fault, "fields": []}]}
        self.contacts.setdefault(key, {}).update(row)
        return {"id": f"003{key}", "success": True, "errors": []}


class Mailchimp(Service):
    """Marketing API 3.0 of one audience."""

    def __init__(self) -> None:
        super().__init__()
        self.members: dict[str, dict[str, Any]] = {}
        self.blocked: set[str] = set()

    def answer(self, request: Request) -> Response:
        given = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic "))
        if not given.endswith(b":key-us6"):
            return Response(401, {"title": "API Key Invalid"})
        path = request.path.removeprefix("/lists/77")
        if request.method == "GET" and not path:
            return Response(200, {"id": "77"})
        if request.method == "POST" and not path:
            return self.take_batch(request.body)
        digest = path.removeprefix("/members/").partition("/")[0]
        email = next(
            (each for each in self.members if hashlib.md5(each.encode()).hexdigest() == digest), ""
        )
        if not email:
            return Response(404)
        if request.method == "POST" and path.endswith("/actions/delete-permanent"):
            del self.members[email]
            return Response(204)
        if request.method == "DELETE":
            self.members[email]["status"] = "archived"
            return Response(204)
        return Response(405)

    def take_batch(self, body: Any) -> Response:
        if len(body["members"]) > 500 or not body["update_existing"]:
            return Response(400)
        errors = []
        for member in body["members"]:
            email = member["email_address"]
            if email in self.blocked or not is_address(email):
                errors.append({"email_address": email, "error_code": "ERROR_GENERIC"})
            else:
                self.members[email] = member
        return Response(200, {"errors": errors, "error_count": len(errors)})


class Brevo(Service):
    """API v3: contacts, and list 7."""

    def __init__(self) -> None:
        super().__init__()
        self.contacts: dict[str, dict[str, Any]] = {}
        self.listed: set[str] = set()

    def answer(self, request: Request) -> Response:
        if request.headers.get("api-key") != "xkeysib-1":
            return Response(401, {"code": "unauthorized"})
        match request.method, request.path:
            case "GET", "/contacts/lists/7":
                return Response(200, {"id": 7})
            case "POST", "/contacts":
                email, body = request.body["email"], request.body
                if not is_address(email) or body["listIds"] != [7]:
                    return Response(400, {"code": "invalid_parameter"})
                status = 204 if email in self.contacts else 201
                if status == 204 and not body["updateEnabled"]:
                    return Response(400, {"code": "duplicate_parameter"})
                self.contacts[email] = body["attributes"]
                self.listed.add(email)
                return Response(status)
            case "POST", "/contacts/lists/7/contacts/remove":
                emails = set(request.body["emails"])
                if len(emails) > 150 or not emails & self.listed:
                    return Response(400, {"code": "invalid_parameter"})
                self.listed -= emails
                return Response(201, {"contacts": {"success": sorted(emails)}})
            case "DELETE", path:
                email = unquote(path.removeprefix("/contacts/"))
                self.listed.discard(email)
                return Response(404 if self.contacts.pop(email, None) is None else 204)
        return Response(404)


class Klaviyo(Service):
    """REST API: profiles have ids, and list L1 has some of them."""

    def __init__(self) -> None:
        super().__init__()
        self.profiles: dict[str, dict[str, Any]] = {}
        self.listed: set[str] = set()

    def answer(self, request: Request) -> Response:
        headers = request.headers
        if headers.get("authorization") != "Klaviyo-API-Key pk_1" or not headers.get("revision"):
            return Response(401)
        match request.method, request.path:
            case "GET", "/lists/L1":
                return Response(200, {"data": {"id": "L1"}})
            case "POST", "/profile-import":
                attributes = request.body["data"]["attributes"]
                email = attributes["email"]
                is_new = email not in self.profiles
                self.profiles.setdefault(email, {}).update(attributes)
                return Response(201 if is_new else 200, {"data": {"id": f"id-{email}"}})
            case ("POST" | "DELETE") as method, "/lists/L1/relationships/profiles":
                emails = {row["id"].removeprefix("id-") for row in request.body["data"]}
                if not emails <= self.profiles.keys():
                    return Response(404)
                self.listed = self.listed | emails if method == "POST" else self.listed - emails
                return Response(204)
            case "POST", "/data-privacy-deletion-jobs":
                profile = request.body["data"]["attributes"]["profile"]["data"]
                email = profile["attributes"]["email"]
                self.profiles.pop(email, None)
                self.listed.discard(email)
                return Response(202)
        return Response(404)
