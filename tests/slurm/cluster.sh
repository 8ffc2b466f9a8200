#!/bin/bash
# A throw-away Slurm cluster on this machine, for the tests of this folder: munged, slurmctld and some slurmd "nodes".
#   cluster.sh possible            0, or a sentence on why there can be none here
#   cluster.sh start [SECONDS]     bring it up and wait until every node is idle
#   cluster.sh stop                take it down, with everything that still runs on it
#   cluster.sh status | env        what it is doing | variables for a shell that talks to it
#   cluster.sh on NODE COMMAND...  run a command as if on that node
#   cluster.sh lose NODE           what losing the machine is: SIGKILL to everything on it
#   cluster.sh restore NODE        its slurmd starts again
#   cluster.sh controller-kill | controller-up
#
#   LAB_DIR    where all its files are; needed
#   LAB_NODES  2       nodes
#   LAB_CPUS   2       processors that each node advertises; may be more than this machine has
#   LAB_OWNER          a process id: when that process is gone, the cluster goes too
#   LAB_EXTRA          more lines of slurm.conf
#
# Debian's slurmd can run several times on one host. Each node has its own UTS and mount namespace, so that host name, /dev/shm and /etc/hosts
# differ: with one host name, shared memory segments of Open MPI would have the same names on all nodes. Nothing listens beyond loopback.
set -u
here=$(cd "$(dirname "$0")" && pwd)
LAB_DIR=${LAB_DIR:-}
conf=$LAB_DIR/lab.env
if [ "${1:-}" != start ] && [ -r "$conf" ]; then . "$conf"; fi
LAB_NODES=${LAB_NODES:-2} LAB_CPUS=${LAB_CPUS:-2} LAB_EXTRA=${LAB_EXTRA:-} LAB_OWNER=${LAB_OWNER:-}
export SLURM_CONF=$LAB_DIR/etc/slurm.conf
die() { echo "cluster: $*" >&2; exit 1; }

# ---- processes ----

# One that ended stays a zombie where nobody reaps it: that counts as gone.
alive() { local s; s=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) || return 1; case $s in Z* | X*) return 1 ;; esac; }
pid_of() { cat "$LAB_DIR/run/$1.pid" 2>/dev/null; }
# runs NAME PROGRAM: the noted process is there and still is that program, not another that got its number
runs() { local p; p=$(pid_of "$1") && [ -n "$p" ] && alive "$p" && tr '\0' ' ' <"/proc/$p/cmdline" | grep -qF -- "$2"; }
launch() { # NAME COMMAND...: detached, its number noted
  local name=$1; shift
  setsid "$@" >"$LAB_DIR/log/$name.out" 2>&1 </dev/null &
  echo $! >"$LAB_DIR/run/$name.pid"
}
await_gone() { # NAME PROGRAM TENTHS
  local i
  for ((i = 0; i < $3; i++)); do runs "$1" "$2" || { rm -f "$LAB_DIR/run/$1.pid"; return 0; }; sleep 0.1; done
  return 1
}
end() { # NAME PROGRAM: wait for its end, then TERM, then KILL
  local p; p=$(pid_of "$1"); [ -n "$p" ] || return 0
  await_gone "$1" "$2" 50 && return 0
  kill -TERM "$p" 2>/dev/null; await_gone "$1" "$2" 20 && return 0
  kill -KILL "$p" 2>/dev/null; rm -f "$LAB_DIR/run/$1.pid"
}

# ---- configuration ----

free_port() { # the first of LAB_NODES + 1 ports in a row that nobody listens on; two clusters that start at once begin at different ones
  local port i used
  used=" $(awk 'NR > 1 { split($2, a, ":"); print a[2] }' /proc/net/tcp /proc/net/tcp6 2>/dev/null | tr '\n' ' ') "
  for ((port = 20000 + $$ * 8 % 11000; port < 32000; port += 8)); do
    for ((i = 0; i <= LAB_NODES; i++)); do case $used in *" $(printf %04X $((port + i))) "*) continue 2 ;; esac; done
    echo "$port"; return 0
  done
  die "no free ports"
}

configure() {
  local i port
  mkdir -p "$LAB_DIR"/{etc,run,log,state,spool,tmp,munge,hosts} || die "cannot make $LAB_DIR"
  chmod 755 "$LAB_DIR" "$LAB_DIR"/{etc,run,log,spool,tmp}; chmod 700 "$LAB_DIR/munge" "$LAB_DIR/state"
  (umask 077; head -c 1024 /dev/urandom >"$LAB_DIR/munge/munge.key")
  port=$(free_port) || exit 1
  {
    cat <<E
ClusterName=lab
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# cred_expire is also how long a requeued job is held off (120 s by default, 5 s at least)
AuthInfo=socket=$LAB_DIR/run/munge.socket,cred_expire=5
SlurmctldPort=$port
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPidFile=$LAB_DIR/run/slurmctld.own.pid
SlurmdPidFile=$LAB_DIR/run/slurmd.%n.own.pid
SlurmctldLogFile=$LAB_DIR/log/slurmctld.log
SlurmdLogFile=$LAB_DIR/log/slurmd-%n.log
StateSaveLocation=$LAB_DIR/state
SlurmdSpoolDir=$LAB_DIR/spool/%n
# A folder per node: mpi/pmix makes spmix_appdir_* here and fails where two nodes share it.
TmpFS=$LAB_DIR/tmp/%n
Epilog=${LAB_EPILOG:-$here/../../slurm/epilog.sh}
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_interval=2,sched_min_interval=0,preempt_send_user_signal,kill_invalid_depend
PriorityType=priority/basic
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
JobRequeue=1
# Long enough for a crowded machine: what ends on TERM, or answers, does so at once where it can. What does not makes a test wait for it: see node_loss.sh and controller.sh.
KillWait=${LAB_KILL_WAIT:-60}
MessageTimeout=${LAB_MESSAGE_TIMEOUT:-60}
MinJobAge=900
SlurmctldTimeout=30
SlurmdTimeout=${LAB_NODE_TIMEOUT:-60}
E
    # All nodes are 127.0.0.1, told apart by port and host name.
    for ((i = 1; i <= LAB_NODES; i++)); do
      echo "NodeName=n$i NodeHostname=n$i NodeAddr=127.0.0.1 Port=$((port + i)) CPUs=$LAB_CPUS RealMemory=4000 State=UNKNOWN"
    done
    cat <<E
PartitionName=batch Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=60 State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=spot  Nodes=ALL MaxTime=INFINITE DefaultTime=60 State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=60
PartitionName=now   Nodes=ALL MaxTime=INFINITE DefaultTime=60 State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=0
E
    [ -n "$LAB_EXTRA" ] && printf '%s\n' "$LAB_EXTRA"
  } >"$LAB_DIR/etc/slurm.conf"
  { echo "127.0.0.1 localhost $(hostname -s)"; for ((i = 1; i <= LAB_NODES; i++)); do echo "127.0.0.1 n$i"; done; } >"$LAB_DIR/hosts/hosts"
  { echo "LAB_NODES=$LAB_NODES"; echo "LAB_CPUS=$LAB_CPUS"; } >"$conf"
}

# ---- up ----

node_up() { # INDEX
  local n=n$1
  mkdir -p "$LAB_DIR/spool/$n" "$LAB_DIR/tmp/$n"; chmod 1777 "$LAB_DIR/tmp/$n"
  # shellcheck disable=SC2016  # expanded by the inner shell
  launch "slurmd.$n" unshare --uts --mount --propagation private bash -c \
    'hostname "$1" && mount -t tmpfs -o mode=1777,size=512m shm /dev/shm && mount --bind "$2" /etc/hosts && exec slurmd -D -N "$1"' _ "$n" "$LAB_DIR/hosts/hosts"
}

controller_up() { # it binds to what the host's own name resolves to: our hosts file says loopback
  # shellcheck disable=SC2016
  launch slurmctld unshare --mount --propagation private bash -c 'mount --bind "$1" /etc/hosts && exec slurmctld -D' _ "$LAB_DIR/hosts/hosts"
}

ready() { # SECONDS: until every node is idle
  local end=$((SECONDS + $1))
  while [ $SECONDS -lt $end ]; do
    [ "$(sinfo -h -p batch -t idle -o %D 2>/dev/null)" = "$LAB_NODES" ] && return 0
    runs slurmctld slurmctld || die "slurmctld ended: $(tail -n 3 "$LAB_DIR/log/slurmctld.out" "$LAB_DIR/log/slurmctld.log")"
    sleep 0.1
  done
  sinfo -N -l; die "not ready in $1 s"
}

start() {
  local i
  runs munged "$LAB_DIR" && die "one is up in $LAB_DIR already"
  configure
  # --force: its folder may lie below one that others can write to, such as /tmp
  munged --force --key-file="$LAB_DIR/munge/munge.key" --socket="$LAB_DIR/run/munge.socket" --pid-file="$LAB_DIR/run/munged.pid" \
    --log-file="$LAB_DIR/log/munged.log" --seed-file="$LAB_DIR/munge/munged.seed" --num-threads=4 2>"$LAB_DIR/log/munged.err" ||
    die "munged: $(cat "$LAB_DIR/log/munged.err")"
  controller_up
  for ((i = 1; i <= LAB_NODES; i++)); do node_up $i; done
  # A test that is killed cannot clean up after itself.
  # shellcheck disable=SC2016
  [ -z "$LAB_OWNER" ] || LAB_DIR=$LAB_DIR setsid bash -c \
    'while kill -0 "$1" 2>/dev/null && [ -r "$2" ]; do sleep 1; done; [ ! -r "$2" ] || { "$3" stop; rm -rf "$4"; }' _ "$LAB_OWNER" "$conf" "$here/cluster.sh" "$LAB_DIR" \
    >/dev/null 2>&1 </dev/null &
}

# ---- down ----

# proctrack/linuxproc loses what was reparented, and a slurmstepd outlives its slurmd: end whatever still carries our SLURM_CONF and a job.
leftovers_end() {
  local p
  for p in $(grep -lzxF "SLURM_CONF=$SLURM_CONF" /proc/[0-9]*/environ 2>/dev/null); do
    p=${p#/proc/} p=${p%/environ}
    [ "$p" != $$ ] && alive "$p" || continue
    if [ "$(cat "/proc/$p/comm" 2>/dev/null)" = slurmstepd ] || grep -qz '^SLURM_JOB_ID=' "/proc/$p/environ" 2>/dev/null; then kill -KILL "$p" 2>/dev/null; fi
  done
}

stop() {
  local i
  [ -r "$conf" ] || return 0
  rm -f "$conf"
  if runs slurmctld slurmctld; then
    squeue -h -o %A 2>/dev/null | sort -u | xargs -r scancel --signal=KILL --full 2>/dev/null
    squeue -h -o %A 2>/dev/null | sort -u | xargs -r scancel 2>/dev/null
    for ((i = 0; i < 100; i++)); do [ -z "$(squeue -h 2>/dev/null)" ] && break; sleep 0.1; done
    scontrol shutdown >/dev/null 2>&1
  fi
  end slurmctld slurmctld
  for ((i = 1; i <= LAB_NODES; i++)); do end slurmd.n$i slurmd; done
  leftovers_end
  [ -n "$(pid_of munged)" ] && kill -TERM "$(pid_of munged)" 2>/dev/null
  end munged munged
  rm -rf "${LAB_DIR:?}"/{state,spool,tmp,run,hosts,munge}
}

lose() { # NODE
  local p ns q
  p=$(pid_of "slurmd.$1") && ns=$(readlink "/proc/$p/ns/uts") && [ "$ns" != "$(readlink /proc/self/ns/uts)" ] || die "no node $1"
  for q in /proc/[0-9]*; do [ "$(readlink "$q/ns/uts" 2>/dev/null)" = "$ns" ] && kill -KILL "${q#/proc/}" 2>/dev/null; done
  rm -rf "${LAB_DIR:?}"/{spool,tmp}/"$1"
}

possible() {
  local program
  [ "$(id -u)" = 0 ] || die "needs root, for a host name and mounts of its own per node"
  for program in slurmctld slurmd munged srun sbatch scontrol unshare nsenter mpirun; do
    command -v $program >/dev/null || die "no $program on this machine (tests/run.sh installs the packages)"
  done
  unshare --uts --mount --propagation private true 2>/dev/null || die "this machine allows no namespaces"
}

case ${1:-} in
  possible) possible; exit 0 ;;
  start | stop | status | env | on | lose | restore | controller-kill | controller-up)
    [ -n "$LAB_DIR" ] || die "LAB_DIR is not set" ;;
esac
case ${1:-} in
  start) start; ready "${2:-60}" ;;
  stop) stop ;;
  status) scontrol ping; sinfo -N -l; squeue ;;
  env) echo "export SLURM_CONF=$SLURM_CONF" ;;
  on) p=$(pid_of "slurmd.$2") || die "no node $2"; shift 2; exec nsenter -t "$p" --uts --mount -- "$@" ;;
  lose) lose "$2" ;;
  restore) runs "slurmd.$2" slurmd && die "$2 is up"; node_up "${2#n}" ;;
  controller-kill) p=$(pid_of slurmctld) && kill -KILL "$p" ;;
  controller-up) runs slurmctld slurmctld && die "the controller is up"; controller_up ;;
  *) sed -n '2,17p' "$0"; exit 2 ;;
esac
