// layer-server.js PORT LAYER: answers each request 200, with the layers of the SIP edge up to this one.
import { noMetrics, silentLogger } from '../dist/base/index.js';
import { SystemNetwork, systemClock, systemRandom } from '../dist/net/index.js';
import { createResponse } from '../dist/sip/message/build.js';
import { parseMessage } from '../dist/sip/message/parser.js';
import { TransactionLayer } from '../dist/sip/transaction/transaction-layer.js';
import { SipTransport } from '../dist/sip/transport/sip-transport.js';

const [port, topmost] = process.argv.slice(2);
const address = { host: '127.0.0.1', port: Number(port) };
const network = new SystemNetwork();
const answerTo = (request) => createResponse(request, 200, undefined, { toTag: 'bench' }).encode();

/** Reads the request, and makes the response, with no layer around. */
async function messages() {
  const handler = {
    onDatagram: (data, from) => socket.send(answerTo(parseMessage(data, { datagram: true })), from),
    onError() {},
  };
  const socket = await network.bindDatagram(address, handler, { receiveBufferBytes: 4 << 20 });
}

const common = { clock: systemClock, random: systemRandom, logger: silentLogger, metrics: noMetrics };

async function listening(use) {
  const transport = new SipTransport({ network, ...common });
  use(transport);
  await transport.listen({ transport: 'UDP', ...address });
}

const layers = {
  messages,
  transport: () =>
    listening((transport) =>
      transport.setHandler({
        onMessage: (request, flow) => transport.sendResponse(answerTo(request), request.topVia, flow),
      }),
    ),
  transactions: () =>
    listening((transport) => {
      const user = { onRequest: (transaction) => transaction.reply(200), onAck() {}, onCancel() {} };
      return new TransactionLayer({ transport, ...common }, {}, user);
    }),
};

await layers[topmost]();
console.log('ready');
