#!/bin/sh
# Starts Mosquitto after making (or changing) the service's own account; accounts of devices are kept.
# The folders are the image's; the tests give their own.
set -eu
data="${MOSQUITTO_DATA:-/mosquitto/data}"
config="${MOSQUITTO_CONFIG:-/mosquitto/config/mosquitto.conf}"
: "${MQTT_PASSWORD:?MQTT_PASSWORD is not set}"

umask 077
touch "$data/passwords"
mosquitto_passwd -b "$data/passwords" shouhu "$MQTT_PASSWORD"
# As root (in the container) the broker gives up its rights and must still be able to read the file again.
if [ "$(id -u)" = 0 ]; then chown mosquitto "$data/passwords"; fi
exec mosquitto -c "$config"
