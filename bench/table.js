const columns = ['', 'rate', 'ours', 'least-most', 'RSA', 'Kamailio', 'ratio', 'aim', 'steal'];

/** Prints the whole result as text, the workloads as CPU-s per 1000. */
export function printTable({ machine, rounds, seconds, workloads, memory, overlay, enrollment, micro }) {
  const lines = [
    `Node ${machine.node}, ${machine.cpus} x ${machine.model}; medians of ${rounds} runs of ${seconds} s each`,
  ];
  if (workloads.length > 0) {
    lines.push('', 'Server CPU-s per 1000 (all our processes together)');
    lines.push(...table([columns, ...workloads.map(cpuRow)]));
    const timed = workloads.filter(({ ours }) => ours.inviteTo180);
    if (timed.length > 0)
      lines.push('', 'Latency on the wire, ms (added: the server’s own share)', ...table(latencyRows(timed)));
    for (const { title, ours, rsa, kamailio } of workloads) {
      for (const [who, side] of Object.entries({ ours, rsa, kamailio })) {
        if (side?.failed > 0)
          lines.push(`NOTE ${title}, ${who}: ${side.failed} failed: ${side.warning ?? ''}`);
      }
    }
  }
  if (memory)
    lines.push(
      '',
      `Heap of a registered AoR: ${memory.bytesPerAor} bytes (${memory.aors} AoRs; aim ${memory.aim})`,
    );
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

function cpuRow({ title, rate, aim, ours, rsa, kamailio }) {
  const cpu = (side) => (side ? side.cpuPer1000.toFixed(3) : '-');
  return [
    title,
    `${rate}/s`,
    cpu(ours),
    `${ours.min.toFixed(3)}-${ours.max.toFixed(3)}`,
    cpu(rsa),
    cpu(kamailio),
    kamailio ? (ours.cpuPer1000 / kamailio.cpuPer1000).toFixed(2) : '-',
    aim === undefined ? '-' : `<= ${aim}`,
    `${(100 * ours.steal).toFixed(0)} %`,
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
  const ms = (side, kind) => (side ? `${side[kind].p50.toFixed(2)} / ${side[kind].p99.toFixed(2)}` : '-');
  return [
    ['p50 / p99', 'ours', 'added', 'Kamailio', 'added'],
    ...workloads.map(({ title, ours, kamailio }) => [
      title,
      ms(ours, 'inviteTo180'),
      ms(ours, 'added'),
      ms(kamailio, 'inviteTo180'),
      ms(kamailio, 'added'),
    ]),
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
