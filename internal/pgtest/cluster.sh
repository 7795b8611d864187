programs=$1 folder=$2 superuser=$3
exec 2>>"$folder/log" 3>&1 1>&2

trap '' INT TERM HUP
"$programs/initdb" -D "$folder/data" -U "$superuser" -A trust -E UTF8 --locale=C --no-sync --no-instructions || exit 1
# The data is thrown away, so nothing needs to reach the disk.
cat >>"$folder/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$folder'
fsync = off
full_page_writes = off
max_connections = 200
shared_buffers = 32MB
CONF
"$programs/pg_ctl" -D "$folder/data" -l "$folder/log" -w start 3>&- </dev/null || exit 1
echo ready >&3
exec 3>&-

cat >/dev/null # ends with the test process
"$programs/pg_ctl" -D "$folder/data" -m immediate -w stop
cd / && rm -rf "$folder"
