"""What a SQL source cannot be kept or read with."""

UNKNOWN_CURSOR, CURSOR_TYPE, FEW_COLUMNS = "unknown_cursor", "cursor_type", "unknown_column"


class WrongSqlSource(ValueError):
    """A SQL source cannot be kept as it is: the field, a stable code, and what would be right."""

    def __init__(self, field: str, code: str, detail: str) -> None:
        super().__init__(detail)
        self.field, self.code, self.detail = field, code, detail
