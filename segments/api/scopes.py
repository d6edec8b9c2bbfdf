"""What an API key needs to read segments and what belongs to them, and to change it."""

from profiles.models.access import Scope

SCOPES = {
    "GET": Scope.SEGMENTS_READ,
    "POST": Scope.SEGMENTS_WRITE,
    "PATCH": Scope.SEGMENTS_WRITE,
    "DELETE": Scope.SEGMENTS_WRITE,
}
