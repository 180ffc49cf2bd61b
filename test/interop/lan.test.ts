import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
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

/** A wire whose end gets another address, as by DHCP; what is heard of the group before and after. */
const OTHER_ADDRESS = `
import { execSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { SystemMulticast } from '${new URL('../../src/net/index.js', import.meta.url).href}';
const sh = (command) => execSync(command, { stdio: 'inherit' });
sh('ip link add wire1 type veth peer name wire2; ip link set wire2 up; ip link set wire1 up');
sh('ip addr add 10.77.0.1/24 dev wire1');
const heard = new Set();
const handler = { onDatagram: (data, { host }) => heard.add(data + ' from ' + host) };
const socket = await new SystemMulticast().join({ host: '224.0.0.251', port: 5353 }, handler, { hops: 1 });
const say = async (text) => {
  for (let n = 0; n < 50 && ![...heard].some((one) => one.startsWith(text)); n++) {
    socket.send(Buffer.from(text));
    await setTimeout(100);
  }
};
await say('before');
sh('ip addr del 10.77.0.1/24 dev wire1; ip addr add 10.77.0.2/24 dev wire1');
await say('after');
await socket.close();
console.log([...heard].join());
`;

const ISOLATION = ['--user', '--map-root-user', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
// Not every PATH has what only administrators call.
const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** Not a program that is missing but a right: containers are often run without it. */
function hasNamespaces(t: ExecutionContext): boolean {
  const attempt = [...ISOLATION, 'ip', 'link', 'add', 'wire1', 'type', 'veth'];
  if (spawnSync('unshare', attempt, { env: ENVIRONMENT }).status === 0) return true;
  process.stderr.write(`\n*** ${t.title}: SKIPPED, this machine gives no network namespaces\n`);
  t.pass();
  return false;
}

test('A21: two hosts on a wire, no bootstrap list, one secret: joined in less than 5 s', async (t) => {
  if (!requirePrograms(t, 'unshare', 'nsenter')) return;
  const directory = temporaryDirectory('lan');
  const common = 'name: wire.example.org, listen: [tls://0.0.0.0:6084], shared-secret-file: ./secret';
  const rest = "sip: { mode: 'off' }\ndata: memory\n";
  writeFileSync(path.join(directory, 'secret'), 'the secret of two hosts\n', { mode: 0o600 });
  writeFileSync(path.join(directory, 'first.yaml'), `overlay: { ${common}, first: true }\n${rest}`);
  writeFileSync(path.join(directory, 'second.yaml'), `overlay: { ${common} }\n${rest}`);
  if (!hasNamespaces(t)) return;
  const child = spawn('unshare', [...ISOLATION, 'bash', '-c', TWO_HOSTS], {
    cwd: directory,
    env: { ...ENVIRONMENT, NODE: process.execPath, CLI: path.resolve(projectRoot, cliPath) },
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

test('A21: an interface that gets another address is spoken by and heard on again', (t) => {
  if (!requirePrograms(t, 'unshare') || !hasNamespaces(t)) return;
  const script = path.join(temporaryDirectory('lan'), 'other-address.mjs');
  writeFileSync(script, OTHER_ADDRESS);
  const { stdout, stderr } = spawnSync('unshare', [...ISOLATION, process.execPath, script], {
    env: ENVIRONMENT,
    encoding: 'utf8',
    timeout: 30_000,
  });
  t.is(stdout.trim(), 'before from 10.77.0.1,after from 10.77.0.2', stderr);
});
