#!/bin/bash
# run.sh NAME [HOST:PORT]   runs one scenario against a running SIP server, by default the one of config/gateway.yaml
#   NAME: register register-digest deregister call cancel busy no-answer no-response redirect unknown-user
#         session-refresh session-refresh-callee session-too-short, or: all
#   env : DOMAIN=example.org CALLER=alice CALLEE=bob PASSWORD=secret TRANSPORT=udp|tcp LOCAL_IP=127.0.0.1
#         SERVER=HOST:PORT (default target)  REGISTRAR=HOST:PORT (the callee registers there, at another peer)
#         REFRESH_MS=500 (between two refreshes of a session; phones take 45000)
#         KEEP=1 (keeps the SIP messages)
# Prints one line a scenario, PASS or FAIL; exit 0 when all passed. Every step is bounded: a scenario ends within 30 s,
# a session within three times REFRESH_MS more.
# It starts the callee's phone (a SIPp UAS) where one is needed, registers it, and removes the registration afterwards.
set -u
here=$(cd "$(dirname "$0")" && pwd)
name=${1:-} target=${2:-${SERVER:-127.0.0.1:5060}}
domain=${DOMAIN:-example.org} caller=${CALLER:-alice} callee=${CALLEE:-bob} password=${PASSWORD:-secret}
transport=${TRANSPORT:-udp} ip=${LOCAL_IP:-127.0.0.1} registrar=${REGISTRAR:-$target} refresh_ms=${REFRESH_MS:-500}
names='register register-digest deregister call cancel busy no-answer no-response redirect unknown-user session-refresh session-refresh-callee session-too-short'

usage() { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
case " $names all " in *" $name "*) [ -n "$name" ] || usage ;; *) usage ;; esac
command -v sipp >/dev/null || { echo 'sipp is not installed (Debian: apt-get install sip-tester)'; exit 2; }

if [ "$name" = all ]; then
  failed=0
  for n in $names; do "$0" "$n" "$target" || failed=1; done
  exit $failed
fi

logs=$(mktemp -d "${TMPDIR:-/tmp}/sipp-$name.XXXXXX")
phone_pid='' phone_port='' registered='' waits_ms=0 talk_ms=500
cleanup() {
  [ -n "$phone_pid" ] && kill "$phone_pid" 2>/dev/null
  [ -n "$registered" ] && client deregister deregister.xml "$callee" "$registered" >/dev/null
}
trap cleanup EXIT
trap 'exit 143' TERM INT

# A port on $ip that nobody holds just now, TCP or UDP.
free_port() {
  local port hex
  for _ in {1..100}; do
    port=$((20000 + RANDOM % 12000)); printf -v hex ':%04X ' "$port"
    cat /proc/net/{udp,tcp,udp6,tcp6} 2>/dev/null | awk '{print $2 " "}' | grep -q -- "$hex" || { echo "$port"; return; }
  done
}

# sipp_run LOG SCENARIO USER CONTACT [sipp options and target]: SIPp with the keys all scenarios share
sipp_run() {
  local log=$1 scenario=$2 user=$3 contact=$4; shift 4
  sipp "$@" -sf "$scenario" -i "$ip" -t "${transport:0:1}1" -m 1 -nostdin -timeout $((25 + 3 * waits_ms / 1000))s -timeout_error \
    -key dom "$domain" -key user "$user" -key caller "$caller" -key callee "${as_callee:-$callee}" -key contact "$contact" \
    -key expires 120 -au "$user" -ap "$password" -auth_uri "$domain" \
    -trace_err -error_file "$logs/$log.errors" -trace_msg -message_file "$logs/$log.messages" >"$logs/$log.screen" 2>&1
}

# client LOG SCENARIO USER CONTACT: one call as a client, the callee's at its registrar; retried when another program took the port meanwhile
client() {
  local rc to=$target
  [ "$3" = "$callee" ] && to=$registrar
  for _ in 1 2 3; do
    sipp_run "$1" "$2" "$3" "$4" "$to" -p "$(free_port)" -recv_timeout $((20000 + waits_ms)) -d "$talk_ms"; rc=$?
    grep -qs 'Address already in use' "$logs/$1.screen" "$logs/$1.errors" || return $rc
  done
  return $rc
}

# phone SCENARIO RING_MS: starts the callee's phone and registers it
phone() {
  local hex
  for _ in 1 2 3; do
    phone_port=$(free_port); printf -v hex ':%04X ' "$phone_port"
    sipp_run phone "$1" "$callee" "$ip:9" -p "$phone_port" -d "$2" -default_behaviors all,-bye,-abortunexp & phone_pid=$!
    for _ in {1..30}; do
      cat /proc/net/{udp,tcp} | awk '{print $2 " "}' | grep -q -- "$hex" && break 2
      kill -0 "$phone_pid" 2>/dev/null || break
      sleep 0.1
    done
    kill "$phone_pid" 2>/dev/null
  done
  registered=$ip:$phone_port
  client register register.xml "$callee" "$registered" || fail "the callee's phone could not register" register
}
# The phone must have seen its part of the call to the end as well.
phone_done() { wait "$phone_pid"; local rc=$?; phone_pid=''; [ $rc -eq 0 ] || fail "the callee's phone saw something else" phone; }

# refused STATUS: the caller's side, expecting that final response
refused() {
  sed "s/@STATUS@/$1/g" refused.xml >"$logs/refused-$1.xml"
  client caller "$logs/refused-$1.xml" "$caller" "$ip:9" || fail "the caller did not get $1"
}
fail() {
  local log=${2:-caller}
  echo "FAIL $name: $1 (messages: $logs/$log.messages)"
  grep -hsv '^$' "$logs/$log.errors" | cut -c1-300 | head -12
  trap - EXIT; KEEP=1; cleanup; exit 1
}

cd "$here" || exit 2
started=$SECONDS
case $name in
  register | register-digest)
    registered=$ip:$(free_port)
    client caller "$name.xml" "$callee" "$registered" || fail 'no 200 as expected' ;;
  deregister)
    gone=$ip:$(free_port)
    client register register.xml "$callee" "$gone" || fail 'the phone could not register' register
    client caller deregister.xml "$callee" "$gone" || fail 'the binding is not gone' ;;
  call) phone phone-answers.xml 300; client caller call.xml "$caller" "$ip:9" || fail 'the call failed'; phone_done ;;
  cancel) phone phone-cancelled.xml 0; client caller cancel.xml "$caller" "$ip:9" || fail 'no 487'; phone_done ;;
  busy) phone phone-busy.xml 0; refused 486; phone_done ;;
  no-answer) phone phone-no-answer.xml 1500; refused 480; phone_done ;;
  no-response) phone phone-silent.xml 0; refused 408 ;;
  redirect) phone phone-redirects.xml 0; client caller redirect.xml "$caller" "$ip:9" || fail 'no 302 with a Contact' ;;
  session-refresh)
    waits_ms=$refresh_ms talk_ms=$refresh_ms; phone phone-refreshed.xml 0
    client caller session-refresh.xml "$caller" "$ip:9" || fail 'the session was not refreshed'; phone_done ;;
  session-refresh-callee)
    waits_ms=$refresh_ms; phone phone-refreshes.xml "$refresh_ms"
    client caller session-refresh-callee.xml "$caller" "$ip:9" || fail 'the session was not refreshed'; phone_done ;;
  session-too-short)
    phone phone-wants-90.xml 0
    client caller session-too-short.xml "$caller" "$ip:9" || fail 'no 422 with its Min-SE'; phone_done ;;
  unknown-user) as_callee=nobody-of-that-name; refused 404 ;;
esac
trap - EXIT; cleanup
echo "PASS $name ($((SECONDS - started)) s)"
[ "${KEEP:-0}" = 1 ] || rm -rf "$logs"
