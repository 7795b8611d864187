#!/usr/bin/env bash
# Writes NetSuite's customers to FOLDER/customers-DATE.csv, by the connection in the environment (SUITEKEY_CONNECTION, or
# SUITEKEY_ACCOUNT and its like):
#
#   netsuite-report.sh FOLDER
#
# It says nothing when all is well, so that cron writes no mail. A report is whole or not there.
set -euo pipefail
umask 077

folder=${1:?name the folder for the reports}
mkdir -p "$folder"
exec 9>"$folder/.lock"
flock --nonblock 9 || { echo "another run is not done yet" >&2; exit 1; }

report=$folder/customers-$(date +%F).csv
trap 'rm -f "$report.part"' EXIT
suitekey query --quiet --csv --key id 'SELECT id, companyname, email FROM customer' >"$report.part"
mv "$report.part" "$report"
