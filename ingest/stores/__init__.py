"""Where readings rest: SQLite, InfluxDB 2 and InfluxDB 1, behind one small interface."""
