import test from 'ava';
import fc from 'fast-check';
import { utf8 } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { writeFormData } from '../../../../src/reload/enrollment/form-data.ts';
import { parseMultipart } from '../../../../src/reload/enrollment/multipart.ts';
import { formBody } from '../../../support/enrollment.ts';

const random = new SeededRandom(21);
const read = (contentType: string, text: string) => parseMultipart(contentType, utf8(text));
const one = (lines: string) => read('multipart/form-data; boundary=b', `--b\r\n${lines}\r\n--b--\r\n`);

test('A19: what our peers write is read back, whatever bytes the fields hold', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 50 }), (csr, password) => {
      const { contentType, body } = writeFormData(
        [
          { name: 'csr', contentType: 'application/pkcs10', value: csr },
          { name: 'password', value: password },
        ],
        random.bytes(16),
      );
      const form = parseMultipart(contentType, body);
      t.is(form.get('csr')?.contentType, 'application/pkcs10');
      return (
        Buffer.compare(form.get('csr')!.body, csr) === 0 &&
        Buffer.compare(form.get('password')!.body, password) === 0
      );
    }),
  );
});

test('A19: each strict prefix of a form is malformed, but for what may be missing at its end', (t) => {
  const { contentType, body } = formBody({ username: 'alice', password: 'a\r\nb' });
  const complete = body.length - 2; // the line end behind the last boundary is nobody's
  for (let length = 0; length < complete; length++) {
    t.throws(() => parseMultipart(contentType, body.subarray(0, length)), { code: 'form-malformed' });
  }
  t.is(parseMultipart(contentType, body.subarray(0, complete)).size, 2);
});

test('A19: the forms that other clients write: quoted boundary, preamble, parameters, file names, own line ends', (t) => {
  const form = read(
    'Multipart/Form-Data; charset=utf-8; boundary="a b"',
    'preamble\r\n--a b  \r\ncontent-disposition: form-data; filename="x.csr"; name="csr"\r\n' +
      'CONTENT-TYPE: Application/PKCS10; x=y\r\n\r\nbody\r\n--a b\r\n' +
      'Content-Disposition: form-data; name=username\r\n\r\nalice\r\n\r\n--a b--epilogue',
  );
  t.is(form.get('csr')?.contentType, 'application/pkcs10');
  t.is(Buffer.from(form.get('csr')!.body).toString(), 'body');
  t.is(Buffer.from(form.get('username')!.body).toString(), 'alice\r\n');
});

test('A19: forms that could be read in two ways, or have no end, are refused', (t) => {
  const field = 'Content-Disposition: form-data; name="a"';
  t.is(one(`${field}\r\n\r\nx`).size, 1);
  for (const lines of [
    'x',
    `${field}\r\n\r\nx\r\n--b\r\n${field}\r\n\r\ny`,
    'Content-Type: text/plain\r\n\r\nx',
    'Content-Disposition: attachment; name="a"\r\n\r\nx',
    `${field}\r\nContent-Transfer-Encoding: base64\r\n\r\nx`,
    `${field}\r\nno colon\r\n\r\nx`,
    `${field}\r\nX: ${'x'.repeat(2_000)}\r\n\r\nx`,
    Array.from({ length: 17 }, (_, i) => `Content-Disposition: form-data; name="${i}"\r\n\r\nx`).join(
      '\r\n--b\r\n',
    ),
  ]) {
    t.throws(() => one(lines), { code: 'form-malformed' }, lines.slice(0, 80));
  }
  for (const contentType of ['multipart/form-data', `multipart/form-data; boundary=${'x'.repeat(80)}`]) {
    t.throws(() => read(contentType, '--b--'), { code: 'form-malformed' });
  }
});
