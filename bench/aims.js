/**
 * What a workload is to cost, and whether it does.
 * @param workload measured one: `aim` is `{ratio}` to Kamailio's cost or `{cpu}` in CPU-s per 1000
 * @returns `{aim, met}` as words for the table; met is `-` where there is nothing to compare with
 */
export function judgeCost({ aim, ours, kamailio }) {
  if (aim?.ratio !== undefined) {
    const met = kamailio && ours.cpuPer1000 <= aim.ratio * kamailio.cpuPer1000;
    return { aim: `<= ${aim.ratio.toFixed(1)} x`, met: yesOrNo(met) };
  }
  if (aim?.cpu !== undefined) return { aim: `<= ${aim.cpu}`, met: yesOrNo(ours.cpuPer1000 <= aim.cpu) };
  return { aim: '-', met: '-' };
}

/**
 * The same for the latency a server adds: `aim.addedP50` in ms; `aim.addedP99` as `ratio` to Kamailio's, or Kamailio's
 * and `orPlus` ms, whichever is more.
 */
export function judgeLatency({ aim, ours, kamailio }) {
  if (!aim) return { aim: '-', met: '-' };
  const { addedP50, addedP99 } = aim;
  const p99 = kamailio && Math.max(addedP99.ratio * kamailio.added.p99, kamailio.added.p99 + addedP99.orPlus);
  return {
    aim: `<= ${addedP50} / ${p99?.toFixed(2) ?? '-'}`,
    met: `${yesOrNo(ours.added.p50 <= addedP50)} / ${yesOrNo(p99 && ours.added.p99 <= p99)}`,
  };
}

export function yesOrNo(met) {
  return met === undefined ? '-' : met ? 'yes' : 'NO';
}
