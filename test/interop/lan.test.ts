import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { joinTimeOf } from '../support/join-time.ts';
import { requirePrograms } from '../support/programs.ts';
import { cliPath, projectRoot } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Two hosts with a wire between them, made of network namespaces; everything in them ends with the script. */
const TWO_HOSTS = `
set -e
unshare -n sleep 120 & one=$!
unshare -n sleep 120 & two=$!
here=$(readlink /proc/self/ns/net)
for pid in $one $two; do
  until [ "$(readlink /proc/$pid/ns/net)" != "$here" ]; do sleep 0.05; done
done
ip link add wire1 type veth peer name wire2
ip link set wire1 netns $one
ip link set wire2 netns $two
for host in 1 2; do
  [ $host = 1 ] && pid=$one || pid=$two
  nsenter -t $pid -n ip link set lo up
  nsenter -t $pid -n ip addr add 10.77.0.$host/24 dev wire$host
  nsenter -t $pid -n ip link set wire$host up
done
nsenter -t $one -n "$NODE" "$CLI" run -c first.yaml > first.out 2> first.err &
for n in $(seq 300); do grep -q ready first.out && break; sleep 0.1; done
nsenter -t $two -n "$NODE" "$CLI" run -c second.yaml > second.out 2> second.err &
for n in $(seq 300); do grep -q ready second.out && break; sleep 0.1; done
nsenter -t $two -n "$NODE" "$CLI" ring --json
kill $(jobs -p)
wait
cat second.err >&2
`;

test('A21: two hosts on a wire, no bootstrap list, one secret: joined in less than 5 s', async (t) => {
  if (!requirePrograms(t, 'unshare', 'nsenter')) return;
  const directory = temporaryDirectory('lan');
  const common = 'name: wire.example.org, listen: [tls://0.0.0.0:6084], shared-secret-file: ./secret';
  const rest = "sip: { mode: 'off' }\ndata: memory\n";
  writeFileSync(path.join(directory, 'secret'), 'the secret of two hosts\n', { mode: 0o600 });
  writeFileSync(path.join(directory, 'first.yaml'), `overlay: { ${common}, first: true }\n${rest}`);
  writeFileSync(path.join(directory, 'second.yaml'), `overlay: { ${common} }\n${rest}`);
  // Not every PATH has what only administrators call.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const isolation = ['--user', '--map-root-user', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
  if (
    spawnSync('unshare', [...isolation, 'ip', 'link', 'add', 'wire1', 'type', 'veth'], { env }).status !== 0
  ) {
    // Not a program that is missing but a right: containers are often run without it.
    process.stderr.write(`\n*** ${t.title}: SKIPPED, this machine gives no network namespaces\n`);
    t.pass();
    return;
  }
  const child = spawn('unshare', [...isolation, 'bash', '-c', TWO_HOSTS], {
    cwd: directory,
    env: { ...env, NODE: process.execPath, CLI: path.resolve(projectRoot, cliPath) },
  });
  t.teardown(() => child.kill('SIGKILL'));
  let [said, log] = ['', ''];
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  child.stderr.on('data', (chunk) => {
    log += chunk;
  });
  await new Promise((resolve) => child.on('close', resolve));
  const ms = joinTimeOf(log);
  t.log(`the second peer joined after ${ms} ms`);
  t.true(ms < 5_000, `${said}\n${log}`);
  t.regex(said, /"successors":\s*\[\s*"[0-9a-f]{32}"/, log);
  t.notRegex(log, /not looked for|not joined yet/);
});
