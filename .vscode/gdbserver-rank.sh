#!/bin/sh
# Start one rank under gdbserver on port 47100 + rank, for the "clv, two ranks" launch (needs the package gdbserver).
exec gdbserver --once "localhost:$((47100 + ${OMPI_COMM_WORLD_RANK:-0}))" "$@"
