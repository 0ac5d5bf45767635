"""Files of rows into tables, for importing and measuring; pure, no Django, no network."""

from annotations.tables.problems import Problem, TableError
from annotations.tables.reading import read_table
from annotations.tables.table import Cell, Row, Table

__all__ = ["Cell", "Problem", "Row", "Table", "TableError", "read_table"]
