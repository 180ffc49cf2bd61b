import test from 'ava';
import { utf8 } from '../../../../src/base/index.ts';
import { ConfigurationService } from '../../../../src/reload/enrollment/configuration-service.ts';
import { routesOf } from '../../../../src/reload/enrollment/http-answers.ts';
import { WELL_KNOWN_PATH } from '../../../../src/reload/enrollment/protocol.ts';
import { directClient } from '../../../support/https.ts';

function setUp() {
  const state = { document: utf8('<overlay>1</overlay>') };
  const { handle } = new ConfigurationService({ document: () => state.document });
  const client = directClient(routesOf(new Map([[WELL_KNOWN_PATH, handle]])));
  const ask = (path: string, headers: Record<string, string> = {}, method: 'GET' | 'POST' = 'GET') =>
    client.request({ method, url: `https://example.org${path}`, headers, timeoutMs: 1, maxBytes: 1 });
  return { state, ask };
}

test('A20: the well-known path hands out the exact bytes of the document, with its media type', async (t) => {
  const { ask, state } = setUp();
  const answer = await ask('/.well-known/reload-config');
  t.is(answer.status, 200);
  t.is(answer.headers.get('content-type'), 'application/p2p-overlay+xml');
  t.deepEqual(answer.body, state.document);
  t.is((await ask('/other')).status, 404);
  t.is((await ask(WELL_KNOWN_PATH, {}, 'POST')).status, 405);
});

test('A20: whoever has the document is told so in a few bytes, until it changes', async (t) => {
  const { ask, state } = setUp();
  const etag = (await ask(WELL_KNOWN_PATH)).headers.get('etag')!;
  const again = await ask(WELL_KNOWN_PATH, { 'If-None-Match': `"other", W/${etag}` });
  t.is(again.status, 304);
  t.is(again.body.length, 0);
  state.document = utf8('<overlay>2</overlay>');
  t.is((await ask(WELL_KNOWN_PATH, { 'If-None-Match': etag })).status, 200);
});
