programs=$1 folder=$2 superuser=$3 primary=$4
exec 2>>"$folder/log" 3>&1 1>&2

trap '' INT TERM HUP
if [ -n "$primary" ]; then
	# A standby begins as a copy of the primary and follows it from there.
	"$programs/pg_basebackup" -D "$folder/data" -d "host=$primary user=$superuser application_name=standby" -R -X stream -c fast --no-sync || exit 1
else
	"$programs/initdb" -D "$folder/data" -U "$superuser" -A trust -E UTF8 --locale=C --no-sync --no-instructions || exit 1
fi
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
# A test that was killed may have left the server paused, and a paused one does not stop.
if read -r server <"$folder/data/postmaster.pid"; then
	kill -CONT "$server"
	for stat in /proc/[0-9]*/stat; do
		read -r pid _ _ parent _ <"$stat" && [ "$parent" = "$server" ] && kill -CONT "$pid"
	done
	"$programs/pg_ctl" -D "$folder/data" -m immediate -w stop
fi
cd / && rm -rf "$folder"
