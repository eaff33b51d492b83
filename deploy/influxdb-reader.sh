#!/bin/bash
# Runs once, when InfluxDB sets itself up: an account that may read the bucket and nothing else, for Grafana.
# It belongs to the InfluxDB 1 compatible interface, over which InfluxQL is asked.
set -euo pipefail
influx v1 auth create \
  --org "$DOCKER_INFLUXDB_INIT_ORG" \
  --username grafana \
  --password "$GRAFANA_INFLUXDB_PASSWORD" \
  --read-bucket "$DOCKER_INFLUXDB_INIT_BUCKET_ID" \
  --description "Grafana, reading only" >/dev/null
