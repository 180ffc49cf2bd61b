import test from 'ava';
import { PrometheusMetrics } from '../../../../src/gateway/metrics/prometheus-metrics.ts';

async function lines(metrics: PrometheusMetrics, prefix: string): Promise<string[]> {
  const { body } = await metrics.render();
  return body.split('\n').filter((line) => line.startsWith(prefix));
}

test('C: counters and gauges appear in the Prometheus text format, zero ones too', async (t) => {
  const metrics = new PrometheusMetrics();
  const invites = metrics.counter('sip_requests_total', 'Requests', { method: 'INVITE' });
  metrics.counter('sip_requests_total', 'Requests', { method: 'BYE' });
  const links = metrics.gauge('reload_links', 'Links');
  invites.inc();
  invites.inc(2);
  links.set(7);
  links.set(5);
  t.deepEqual(await lines(metrics, 'sip_requests_total'), [
    'sip_requests_total{method="INVITE"} 3',
    'sip_requests_total{method="BYE"} 0',
  ]);
  t.deepEqual(await lines(metrics, 'reload_links'), ['reload_links 5']);
  t.deepEqual(await lines(metrics, '# TYPE'), [
    '# TYPE sip_requests_total counter',
    '# TYPE reload_links gauge',
  ]);
  t.regex((await metrics.render()).contentType, /^text\/plain; version=0\.0\.4/);
});

test('a second scrape does not count twice', async (t) => {
  const metrics = new PrometheusMetrics();
  metrics.counter('a_total', 'A').inc();
  await metrics.render();
  t.deepEqual(await lines(metrics, 'a_total'), ['a_total 1']);
});

test('the same name and labels give the same instrument, whatever the order of the labels', async (t) => {
  const metrics = new PrometheusMetrics();
  metrics.counter('a_total', 'A', { x: '1', y: '2' }).inc();
  metrics.counter('a_total', 'A', { y: '2', x: '1' }).inc();
  t.deepEqual(await lines(metrics, 'a_total'), ['a_total{x="1",y="2"} 2']);
});

test('one name with other labels is a mistake in our code', (t) => {
  const metrics = new PrometheusMetrics();
  metrics.counter('a_total', 'A', { x: '1' });
  t.throws(() => metrics.counter('a_total', 'A', { y: '1' }), { instanceOf: TypeError });
});

test('histograms, with and without labels', async (t) => {
  const metrics = new PrometheusMetrics();
  metrics.histogram('setup_seconds', 'Setup', [0.1, 1]).observe(0.5);
  const labelled = metrics.histogram('rtt_seconds', 'RTT', [1], { peer: 'a' });
  metrics.histogram('rtt_seconds', 'RTT', [1], { peer: 'b' });
  labelled.observe(2);
  t.deepEqual(await lines(metrics, 'setup_seconds'), [
    'setup_seconds_bucket{le="0.1"} 0',
    'setup_seconds_bucket{le="1"} 1',
    'setup_seconds_bucket{le="+Inf"} 1',
    'setup_seconds_sum 0.5',
    'setup_seconds_count 1',
  ]);
  t.true((await lines(metrics, 'rtt_seconds_count')).includes('rtt_seconds_count{peer="a"} 1'));
  t.true((await lines(metrics, 'rtt_seconds_count')).includes('rtt_seconds_count{peer="b"} 0'));
});

test('asking again for a labelled histogram keeps what it has counted', async (t) => {
  const metrics = new PrometheusMetrics();
  metrics.histogram('rtt_seconds', 'RTT', [1], { peer: 'a' }).observe(2);
  metrics.histogram('rtt_seconds', 'RTT', [1], { peer: 'a' }).observe(2);
  t.deepEqual(await lines(metrics, 'rtt_seconds_count'), ['rtt_seconds_count{peer="a"} 2']);
});

test('process metrics without the three that promtool refuses', async (t) => {
  const { body } = await new PrometheusMetrics({ processMetrics: true }).render();
  t.regex(body, /^process_cpu_seconds_total /m);
  t.notRegex(body, /nodejs_active_/);
});

test('two peers in one process count apart', async (t) => {
  const [one, two] = [new PrometheusMetrics(), new PrometheusMetrics()];
  one.counter('a_total', 'A').inc();
  two.counter('a_total', 'A').inc(5);
  t.deepEqual(await lines(one, 'a_total'), ['a_total 1']);
});
