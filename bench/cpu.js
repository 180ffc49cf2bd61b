import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** The pid and all its descendants. */
function tree(pid) {
  const children = [];
  try {
    for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')) {
      if (child !== '') children.push(...tree(Number(child)));
    }
  } catch {
    return []; // ended meanwhile
  }
  return [pid, ...children];
}

/** CPU seconds (user and system) the processes and their descendants have used so far. */
function cpuSeconds(pids) {
  let ticks = 0;
  for (const pid of pids.flatMap(tree)) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / ticksPerSecond;
}

/** Time the hypervisor took from this machine and the time there was, in seconds over all CPUs. */
function machineSeconds() {
  const [, ...times] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].split(/\s+/).map(Number);
  return {
    steal: times[7] / ticksPerSecond,
    all: times.slice(0, 8).reduce((a, b) => a + b, 0) / ticksPerSecond,
  };
}

/** Starts watching; the returned function gives `{cpu, steal}`: CPU seconds of the pids, and the share stolen (0-1). */
export function watch(pids) {
  const [cpu, machine] = [cpuSeconds(pids), machineSeconds()];
  return () => {
    const now = machineSeconds();
    return {
      cpu: cpuSeconds(pids) - cpu,
      steal: (now.steal - machine.steal) / Math.max(now.all - machine.all, 0.01),
    };
  };
}
