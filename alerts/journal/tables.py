"""Tables as they are meant to be: what an earlier version of the database lacks is added."""

from sqlalchemy import Engine, MetaData, inspect, text
from sqlalchemy.schema import CreateColumn, CreateIndex


def make_tables(engine: Engine, metadata: MetaData) -> None:
    """Make the tables that are missing, and in those of an earlier version the columns and indexes that are.

    A column that is added is empty in the rows that are there.
    """
    metadata.create_all(engine)
    with engine.begin() as connection:
        known = inspect(connection)
        for table in metadata.sorted_tables:
            here = {column["name"] for column in known.get_columns(table.name)}
            for column in table.columns:
                if column.name not in here:
                    assert column.nullable, f"{table.name}.{column.name}: a column added later may be empty"
                    # Another process may do the same at this moment; on SQLite it waits until this one has done it.
                    unless = "IF NOT EXISTS " if connection.dialect.name == "postgresql" else ""
                    words = CreateColumn(column).compile(dialect=connection.dialect)
                    connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {unless}{words}"))
            indexed = {index["name"] for index in known.get_indexes(table.name)}
            for index in table.indexes:
                if index.name not in indexed:
                    connection.execute(CreateIndex(index, if_not_exists=True))
