import { judgeCost, judgeLatency, yesOrNo } from './aims.js';

/** Prints the whole result as text, the workloads as CPU-s per 1000. */
export function printTable({
  machine,
  rounds,
  seconds,
  workloads,
  ramp,
  memory,
  overlay,
  enrollment,
  micro,
}) {
  const lines = [
    `Node ${machine.node}, ${machine.cpus} x ${machine.model}; medians of ${rounds} runs of ${seconds} s each`,
  ];
  if (workloads.length > 0) {
    lines.push('', 'Server CPU-s per 1000 (all our processes together)', ...table(cpuRows(workloads)));
    const timed = workloads.filter(({ ours }) => ours.inviteTo180);
    if (timed.length > 0)
      lines.push('', 'Latency on the wire, ms (added: the server’s own share)', ...table(latencyRows(timed)));
    for (const { title, ...measured } of workloads) {
      for (const who of contenderNames) {
        const side = measured[who];
        if (side?.failed > 0)
          lines.push(`NOTE ${title}, ${who}: ${side.failed} failed: ${side.warning ?? ''}`);
      }
    }
  }
  if (ramp) lines.push('', ...rampLines(ramp));
  if (memory) lines.push('', ...memoryLines(memory));
  if (overlay) lines.push('', ...overlayLines(overlay));
  if (enrollment) lines.push('', ...enrollmentLines(enrollment));
  if (micro) {
    lines.push('', 'Micro-benchmarks, one thread');
    lines.push(
      ...table([
        ['', '1/s', '±%'],
        ...micro.map((one) => [one.name, one.perSecond.toLocaleString('en'), one.rme.toFixed(1)]),
      ]),
    );
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

const contenderNames = ['ours', 'rsa', 'other', 'kamailio', 'floor'];

/** Columns of contenders that nobody measured are left out. */
function cpuRows(workloads) {
  const others = contenderNames.filter((name) => name !== 'ours' && workloads.some((one) => one[name]));
  const cpu = (side) => (side ? side.cpuPer1000.toFixed(3) : '-');
  return [
    ['', 'rate', 'ours', 'least-most', ...others, 'ratio', 'aim', 'met', 'steal'],
    ...workloads.map((one) => {
      const { title, rate, ours, kamailio } = one;
      const { aim, met } = judgeCost(one);
      return [
        title,
        `${rate}/s`,
        cpu(ours),
        `${ours.min.toFixed(3)}-${ours.max.toFixed(3)}`,
        ...others.map((name) => cpu(one[name])),
        kamailio ? (ours.cpuPer1000 / kamailio.cpuPer1000).toFixed(2) : '-',
        aim,
        met,
        `${(100 * ours.steal).toFixed(0)} %`,
      ];
    }),
  ];
}

function rampLines(rates) {
  return [
    'Calls a second by one process (failed < 0.1 %, repeated < 0.5 %, rate reached within 3 %)',
    ...table([
      ['rate', 'reached', 'failed', 'repeated', 'sustained'],
      ...rates.flatMap(({ rate, tries }) =>
        tries.map(({ reached, failed, retransmissions, passed }) => [
          `${rate}/s`,
          `${reached.toFixed(0)}/s`,
          failed,
          retransmissions,
          yesOrNo(passed),
        ]),
      ),
    ]),
  ];
}

function memoryLines({ aors, heapPerAor, pssPerAor, heapMb, pssMb, aims }) {
  return [
    `Memory of a registered AoR, ${aors} of them, signed record included`,
    ...table([
      ['', 'bytes each', 'MB in all', 'aim', 'met'],
      ['heap', heapPerAor, heapMb.toFixed(0), `<= ${aims.heap}`, yesOrNo(heapPerAor <= aims.heap)],
      ['process (PSS)', pssPerAor, pssMb.toFixed(0), `<= ${aims.pss}`, yesOrNo(pssPerAor <= aims.pss)],
    ]),
  ];
}

function overlayLines({ decode, verify, peers, count, store, fetch }) {
  const rate = (value) => value.toLocaleString('en');
  return [
    'Messages of the overlay, a second of CPU time on one core',
    ...table([
      ['', '1/s', 'node:crypto', 'ratio', 'aim'],
      [
        `decode without verification, ${decode.frames} kinds`,
        rate(decode.perSecond),
        '-',
        '-',
        rate(decode.aim),
      ],
      ...verify.map(({ keyType, perSecond, cryptoPerSecond, ratio, aim }) => [
        `${keyType.toUpperCase()}: decode and verify, certificate known`,
        rate(perSecond),
        rate(cryptoPerSecond),
        ratio.toFixed(2),
        aim === undefined ? '-' : `>= ${aim}`,
      ]),
    ]),
    '',
    `One request after the other from one peer of ${peers} to the others, ${count} of each a round, ms`,
    ...table([
      ['', 'p50', 'p99', 'p50 of', 'aim', 'CPU-ms each', 'steal'],
      ...Object.entries({ Store: store, Fetch: fetch }).map(([title, one]) => [
        title,
        one.p50.toFixed(2),
        one.p99.toFixed(2),
        `${one.least.toFixed(2)}-${one.most.toFixed(2)}`,
        `<= ${one.aim}`,
        one.cpuMs.toFixed(1),
        `${(100 * one.steal).toFixed(0)} %`,
      ]),
    ]),
  ];
}

function enrollmentLines({ count, wave, waveAimMs, keys }) {
  return [
    `${count} first registrations by way of an enrollment server, CPU of that and of the adapter peer`,
    ...table([
      ['', '1/s', 'CPU-ms each', `${wave} at once, ms to the last 200`, 'aim', 'steal'],
      ...keys.map(({ keyType, perSecond, cpuMs, wave: last, steal }) => [
        keyType.toUpperCase(),
        perSecond.toFixed(0),
        cpuMs.toFixed(2),
        last.toFixed(0),
        `<= ${waveAimMs}`,
        `${(100 * steal).toFixed(0)} %`,
      ]),
    ]),
  ];
}

function latencyRows(workloads) {
  const others = contenderNames.filter((name) => workloads.some((one) => one[name]));
  const ms = (side, kind) => (side ? `${side[kind].p50.toFixed(2)} / ${side[kind].p99.toFixed(2)}` : '-');
  return [
    ['p50 / p99', ...others.flatMap((name) => [name, 'added']), 'aim for added', 'met'],
    ...workloads.map((one) => {
      const { aim, met } = judgeLatency(one);
      const figures = others.flatMap((name) => [ms(one[name], 'inviteTo180'), ms(one[name], 'added')]);
      return [one.title, ...figures, aim, met];
    }),
  ];
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? String(cell).padEnd(widths[0]) : String(cell).padStart(widths[column]),
      )
      .join('  '),
  );
}
