// What the fuzzer sends: sound requests, spoiled byte by byte, and bodies shaped like the API's own examples with
// values that nobody expects.
import fc from 'fast-check';

export interface FuzzCase {
  readonly kind: 'bytes' | 'json' | 'query' | 'header';
  readonly bytes: Buffer;
}

/** A call that works: from the API's own description. */
export interface Example {
  readonly path: string;
  readonly body: unknown;
}

/** The key that the cluster knows where it asks for one. */
export const fuzzKey = 'fuzz-key';

/** Header lines that go in front of `Host`. */
const credentials = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(`X-Api-Key: ${fuzzKey}\r\n`, `Authorization: Bearer ${fuzzKey}\r\n`),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '',
      'X-Api-Key: wrong\r\n',
      'Authorization: Basic eDp5\r\n',
      `X-Api-Key: ${fuzzKey}\r\nX-Api-Key: ${fuzzKey}\r\n`,
      `X-Api-Key: ${fuzzKey}\r\nAuthorization: bearer  ${fuzzKey}\r\n`,
    ),
  },
);

const withCredentials = (text: string, lines: string): string => text.replaceAll('Host: ', `${lines}Host: `);

const json = (path: string, body: unknown): string => {
  const text = JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
};

const soundRequests = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'HEAD /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  'GET /io/delay?ms=1 HTTP/1.1\r\nHost: a\r\nX-Request-Id: abc\r\nRequest-Timeout: 600\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET http://a/readyz HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /io/echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n0\r\nT: 1\r\n\r\n',
  'POST /io/echo HTTP/1.0\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc',
  'GET /hash?algorithm=sha256&data=abc HTTP/1.1\r\nHost: [::1]:80\r\nX-Forwarded-For: 1.2.3.4, [2001:db8::1]:80\r\n\r\n',
  'POST /hash?algorithm=md5 HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nabcd',
  'GET /compute/fibonacci?n=10 HTTP/1.1\r\nHost: a\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n',
  json('/compute', { operation: 'matmul', a: [[1, 2]], b: [[3], [4]] }),
  'OPTIONS /hash HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-api-key\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /hash?algorithm=sha1&data=a HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
];

const tokens = [
  '\r\n', '\n', '\r', '\0', ' ', '\t', ':', ';', ',', '%', '%00', '%ff', '?', '#', '\x7f', '\xff', '\u00e9',
  'HTTP/1.0', 'HTTP/2.0', 'HTTP/1.10', 'CONNECT ', 'TRACE ', 'PATCH ', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'Host: b\r\n', 'Host:\r\n', 'Content-Length: 5\r\n', 'Content-Length: -1\r\n', 'Content-Length: 99999999999999999999\r\n',
  'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: gzip, chunked\r\n', 'Transfer-Encoding:\x0bchunked\r\n',
  'Connection: close\r\n', 'Connection: upgrade\r\nUpgrade: websocket\r\n', 'Expect: 100-continue\r\n', 'Expect: x\r\n',
  'Content-Encoding: gzip\r\n', 'X-Forwarded-For: 1.1.1.1, 2.2.2.2\r\n', 'Origin: null\r\n', 'Origin: https://app.example\r\n', 'Request-Timeout: 0\r\n',
  'X-Forwarded-For: ::ffff:1.2.3.4\r\n', 'X-Api-Key: \r\n', 'Authorization: Bearer\r\n',
  'Range: bytes=0-\r\n', '/../', '/%2e%2e/', '//', '__proto__', 'constructor', '0\r\n\r\n', 'ffffffff\r\n', 'a'.repeat(300), 'A: b\r\n'.repeat(300),
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
].map((text) => Buffer.from(text, 'latin1')); // biome-ignore format: a dictionary

/** One change, at a place given as a part of the length. */
const mutation = fc.record({
  // Doubles would be spread over their bits: nearly all of them next to 0.
  at: fc.nat({ max: 9_999 }).map((part) => part / 10_000),
  change: fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ type: fc.constant('insert' as const), bytes: fc.constantFrom(...tokens) }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('set' as const), byte: fc.nat({ max: 255 }) }) },
    {
      weight: 2,
      arbitrary: fc.record({ type: fc.constant('delete' as const), count: fc.integer({ min: 1, max: 20 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('repeat' as const), count: fc.integer({ min: 1, max: 40 }) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('cut' as const) }) },
  ),
});

type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(bytes: Buffer, { at, change }: Mutation): Buffer {
  const start = Math.floor(at * bytes.length);
  const [before, after] = [bytes.subarray(0, start), bytes.subarray(start)];
  if (change.type === 'insert') return Buffer.concat([before, change.bytes, after]);
  if (change.type === 'set') return Buffer.concat([before, Buffer.from([change.byte]), after.subarray(1)]);
  if (change.type === 'delete') return Buffer.concat([before, after.subarray(change.count)]);
  if (change.type === 'repeat') return Buffer.concat([before, after.subarray(0, change.count), after]);
  return before;
}

const bytesCase = fc
  .tuple(fc.constantFrom(...soundRequests), credentials, fc.array(mutation, { minLength: 1, maxLength: 4 }))
  .map(
    ([request, lines, mutations]): FuzzCase => ({
      kind: 'bytes',
      bytes: mutations.reduce(mutate, Buffer.from(withCredentials(request, lines), 'latin1')),
    }),
  );

/** What our own patterns read, in every order and often: one that backtracks would not come back. */
const repeatedPieces = fc
  .tuple(
    fc.constantFrom('', 'application/json', 'application/json;charset=utf-8', 'Bearer', '1.2.3.4', '00-0af'),
    fc.array(
      fc.constantFrom(
        ...[
          ' ',
          '\t',
          ';',
          ',',
          '=',
          '"',
          ':',
          '[',
          ']',
          '-',
          '.',
          '0',
          'a',
          'a=b',
          'a="b"',
          'charset=utf-8',
        ],
        ...['charset="utf-8"', '; charset=utf-8', '; a=b', '1.1.1.1', '2001:db8::1', 'Bearer', '\xff'],
      ),
      { minLength: 1, maxLength: 4 },
    ),
    fc.integer({ min: 1, max: 80 }),
    fc.constantFrom('', '!', '"', ';', ' x', '='),
  )
  .map(([start, pieces, times, end]) => start + pieces.join('').repeat(times) + end);

const headerCase = fc
  .tuple(
    fc.oneof(
      { weight: 1, arbitrary: fc.constant('Content-Type') },
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          ...[
            'X-Forwarded-For',
            'Authorization',
            'X-Api-Key',
            'Origin',
            'Expect',
            'X-Request-Id',
            'traceparent',
          ],
          ...['tracestate', 'Connection', 'Content-Encoding', 'Accept', 'Cookie'],
        ),
      },
    ),
    repeatedPieces,
    credentials,
  )
  .map(([name, value, lines]): FuzzCase => {
    const text = `POST /hash HTTP/1.1\r\nHost: a\r\n${name}: ${value}\r\nContent-Length: 2\r\n\r\n{}`;
    return { kind: 'header', bytes: Buffer.from(withCredentials(text, lines), 'latin1') };
  });

/** Values at the edges of what schemas think of. */
const oddValue = fc.oneof(
  fc.constantFrom<unknown>(
    null, true, 0, -1, 0.5, -0, 1e308, 2 ** 53, '', '0', '-1', '1e3', 'NaN', '\u0000', '\ud800', '\u{1f600}', 'é'.repeat(50),
    '9'.repeat(30), [], [[]], [[[]]], {}, 'sha256', 'bcrypt', 'argon2id', 'primes', 'matmul', 'hex', 'base64', '$argon2id$v=19$m=8,t=1,p=1$a$b',
    '$2b$04$', '$scrypt$ln=4,r=8,p=1$$', '__proto__', 'toString', Array(200).fill(1), 'x'.repeat(2_000),
  ), // biome-ignore format: a dictionary
  // Those between are costs that take seconds.
  fc.oneof(fc.nat({ max: 12 }), fc.integer({ min: 100, max: 2_000 })),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.jsonValue({ maxDepth: 4 }),
);

/** The example with some of its values replaced, removed or joined by others. */
function spoiled(value: unknown): fc.Arbitrary<unknown> {
  if (Array.isArray(value)) {
    const parts: fc.Arbitrary<unknown>[] = value.map(spoiled);
    return fc.oneof(
      { weight: 8, arbitrary: fc.tuple(...parts).map((items): unknown => items) },
      { weight: 1, arbitrary: oddValue },
    );
  }
  if (typeof value === 'object' && value !== null) {
    const fields: Record<string, fc.Arbitrary<unknown>> = {};
    for (const [name, field] of Object.entries(value)) fields[name] = spoiled(field);
    const optional = fc.record(fields, { requiredKeys: [] });
    const whole = fc.record(fields);
    const extra = fc.constantFrom(
      'extra',
      '__proto__',
      'constructor',
      'cost',
      'iterations',
      'rounds',
      'n',
      'encoding',
    );
    return fc.oneof(
      { weight: 6, arbitrary: whole },
      { weight: 1, arbitrary: optional },
      {
        weight: 1,
        arbitrary: fc
          .tuple(whole, extra, oddValue)
          .map(([body, name, odd]): unknown => withField(body, name, odd)),
      },
      { weight: 1, arbitrary: oddValue },
    );
  }
  return fc.oneof({ weight: 3, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: oddValue });
}

/** As JSON.parse would: `__proto__` becomes a field like any other. */
function withField(body: object, name: string, value: unknown): unknown {
  return Object.defineProperty({ ...body }, name, { value, enumerable: true });
}

/** What a cheap call has in the place of an example's costs. */
const cheap: Readonly<Record<string, number>> = {
  limit: 1_000,
  width: 16,
  height: 16,
  cost: 1_024,
  iterations: 1_000,
};

function cheapened(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return body;
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, cheap[name] ?? value]));
}

function jsonCase({ path, body }: Example): fc.Arbitrary<FuzzCase> {
  return fc.tuple(spoiled(cheapened(body)), credentials).map(([spoiledBody, lines]) => ({
    kind: 'json',
    bytes: Buffer.from(withCredentials(json(path, spoiledBody), lines), 'utf8'),
  }));
}

const queryText = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        'algorithm',
        'data',
        'encoding',
        'n',
        'limit',
        'digits',
        'width',
        'ms',
        'x',
        '__proto__',
        '',
      ),
      fc.oneof(
        fc.constantFrom(
          'sha256',
          'md5',
          'hex',
          '1',
          '10',
          '007',
          '1e3',
          '-1',
          '',
          '%00',
          '%zz',
          '%c3',
          'true',
        ),
        fc.webFragments({ size: 'small' }),
      ),
      fc.constantFrom('=', '', '=='),
    ),
    { maxLength: 5 },
  )
  .map((parts) => parts.map(([name, value, sign]) => `${name}${sign}${value}`).join('&'));

const queryCase = fc
  .tuple(
    fc.constantFrom(
      '/hash',
      '/hash/verify',
      '/compute',
      '/compute/primes',
      '/compute/pi',
      '/compute/mandelbrot',
      '/compute/nope',
      '/io/delay',
      '/',
      '/livez',
      '/docs',
      '/openapi.json',
    ),
    queryText,
    fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE'),
    credentials,
  )
  .map(([path, query, method, lines]): FuzzCase => {
    const text = `${method} ${path}?${query} HTTP/1.1\r\n${lines}Host: a\r\nContent-Length: 0\r\n\r\n`;
    return { kind: 'query', bytes: Buffer.from(text, 'utf8') };
  });

/** Nearly half of the cases are spoiled bytes, less than a third spoiled bodies. */
export function fuzzCases(examples: readonly Example[]): fc.Arbitrary<FuzzCase> {
  return fc.oneof(
    { weight: 3, arbitrary: bytesCase },
    { weight: 2, arbitrary: fc.oneof(...examples.map(jsonCase)) },
    { weight: 1, arbitrary: queryCase },
    { weight: 1, arbitrary: headerCase },
  );
}
