// Requests as bytes, and what each must be answered: the table behind strict-http.test.ts. Which requests to try was
// learnt from RFC 9112 and from the suites of llhttp, gunicorn (tests/requests) and Puma (test_http11).

export interface Row {
  readonly title: string;
  readonly bytes: string;
  /** The statuses of the answers, in order. */
  readonly statuses: readonly number[];
  /** The code of the last answer, where it is an error. */
  readonly code?: string;
  /** Whether the server ends the connection. */
  readonly ends: boolean;
  /** The last answer's body. */
  readonly body?: string;
  /** For reading the answer: one to HEAD has no body. */
  readonly method?: string;
}

type Pair = readonly [title: string, bytes: string];

const H = 'Host: a.example\r\n';
/** Behind every refused request: it must never be answered. */
const next = `GET / HTTP/1.1\r\n${H}\r\n`;

/** A GET with these header lines. */
const get = (lines: string, target = '/', version = 'HTTP/1.1') => `GET ${target} ${version}\r\n${lines}\r\n`;
const post = (lines: string, body = '') => `POST /io/echo HTTP/1.1\r\n${H}${lines}\r\n${body}`;
const chunked = (body: string) => post('Transfer-Encoding: chunked\r\n', body);

const badRequests: readonly Pair[] = [
  // Host
  ['no Host', get('')],
  ['an empty Host', get('Host:\r\n')],
  ['a Host of spaces', get('Host:   \r\n')],
  ['two Hosts', get(`${H}Host: b.example\r\n`)],
  ['the same Host twice', get(`${H}${H}`)],
  ['two Hosts in different cases', get(`${H}hOST: a.example\r\n`)],
  ['a Host with a path', get('Host: a.example/x\r\n')],
  ['a Host with userinfo', get('Host: u@a.example\r\n')],
  ['a Host with a scheme', get('Host: http://a.example\r\n')],
  ['a list of Hosts', get('Host: a.example b.example\r\n')],
  ['a Host with a port of letters', get('Host: a.example:http\r\n')],
  ['a Host with a port of six digits', get('Host: a.example:123456\r\n')],
  ['a Host with a port beyond 65535', get('Host: a.example:65536\r\n')],
  ['a Host with a port of 99999', get('Host: a.example:99999\r\n')],
  ['a Host of a colon in brackets', get('Host: [:]\r\n')],
  ['a Host of dots in brackets', get('Host: [...]\r\n')],
  ['a Host of empty brackets', get('Host: []\r\n')],
  ['a Host of an IPv4 address in brackets', get('Host: [127.0.0.1]\r\n')],
  ['a Host of an IPv6 address of nine parts', get('Host: [1:2:3:4:5:6:7:8:9]\r\n')],
  ['a Host of an IPv6 address with a zone', get('Host: [fe80::1%25eth0]\r\n')],
  ['a Host with letters behind the bracket', get('Host: [::1]x\r\n')],
  ['a Host with a percent sign that encodes nothing', get('Host: a%zz\r\n')],
  ['a Host that ends in a percent sign', get('Host: a%4\r\n')],
  ['a Host of a port only', get('Host: :80\r\n')],
  ['a Host with two ports', get('Host: a.example:1:2\r\n')],
  ['a Host with an open bracket', get('Host: [::1\r\n')],
  ['a Host with a query', get('Host: a.example?x\r\n')],
  ['a Host with a backslash', get('Host: a.example\\x\r\n')],
  ['a Host beyond ASCII', get('Host: \xe9.example\r\n')],
  ['an empty Host in HTTP/1.0', get('Host:\r\n', '/', 'HTTP/1.0')],
  ['two Hosts in HTTP/1.0', get(`${H}Host: b\r\n`, '/', 'HTTP/1.0')],
  // Version
  ['HTTP/0.9', 'GET /\r\n\r\n'],
  ['HTTP/0.9 that says so', get(H, '/', 'HTTP/0.9')],
  ['HTTP/1.2', get(H, '/', 'HTTP/1.2')],
  ['HTTP/1.10', get(H, '/', 'HTTP/1.10')],
  ['HTTP/01.1', get(H, '/', 'HTTP/01.1')],
  ['HTTP/1', get(H, '/', 'HTTP/1')],
  ['HTTP/1.', get(H, '/', 'HTTP/1.')],
  ['HTTP/2.0', get(H, '/', 'HTTP/2.0')],
  ['HTTP/3.0', get(H, '/', 'HTTP/3.0')],
  ['http/1.1 in lower case', get(H, '/', 'http/1.1')],
  ['another protocol', get(H, '/', 'HTCPCP/1.0')],
  ['a version with a space', get(H, '/', 'HTTP/ 1.1')],
  ['a version and more', get(H, '/', 'HTTP/1.1 x')],
  ['a space behind the version', get(H, '/', 'HTTP/1.1 ')],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  // Request line
  ['a method that is unknown', `FROB / HTTP/1.1\r\n${H}\r\n`],
  ['a method in lower case', `get / HTTP/1.1\r\n${H}\r\n`],
  ['a method that is no token', `GE(T / HTTP/1.1\r\n${H}\r\n`],
  ['a method with a NUL', `G\0T / HTTP/1.1\r\n${H}\r\n`],
  ['a method beyond ASCII', `G\xcbT / HTTP/1.1\r\n${H}\r\n`],
  ['no method', ` / HTTP/1.1\r\n${H}\r\n`],
  ['a space in front', ` GET / HTTP/1.1\r\n${H}\r\n`],
  ['a tab behind the method', `GET\t/ HTTP/1.1\r\n${H}\r\n`],
  ['a tab behind the target', `GET /\tHTTP/1.1\r\n${H}\r\n`],
  ['no target', `GET HTTP/1.1\r\n${H}\r\n`],
  ['a request line ended by LF', `GET / HTTP/1.1\n${H}\r\n`],
  ['a request line ended by CR', `GET / HTTP/1.1\r${H}\r\n`],
  ['a request line folded', `GET /\r\n HTTP/1.1\r\n${H}\r\n`],
  ['a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  ['the PROXY protocol', `PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n${next}`],
  ['an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['a line of a NUL', '\0\r\n\r\n'],
  ['JSON', '{"a":1}\r\n\r\n'],
  // Target
  ['GET *', get(H, '*')],
  ['a target of two stars', get(H, '**')],
  ['OPTIONS of two stars', `OPTIONS ** HTTP/1.1\r\n${H}\r\n`],
  ['a relative target', get(H, 'index.html')],
  ['a target of a query', get(H, '?a=b')],
  ['a target of a fragment', get(H, '#a')],
  ['a fragment behind a path', get(H, '/#a')],
  ['a fragment behind a query', get(H, '/?a#b')],
  ['the authority form', get(H, 'a.example:80')],
  ['a space in the target', get(H, '/a b')],
  ['a tab in the target', get(H, '/a\tb')],
  ['a NUL in the target', get(H, '/a\0b')],
  ['a form feed in the target', get(H, '/a\fb')],
  ['DEL in the target', get(H, '/a\x7fb')],
  ['a bare CR in the target', get(H, '/a\rb')],
  ['a byte beyond ASCII in the target', get(H, '/\xe9')],
  ['UTF-8 in the target', get(H, '/\xc3\xa9')],
  ['an absolute form of another scheme', get(H, 'ftp://a.example/')],
  ['an absolute form of a file', get(H, 'file:///etc/passwd')],
  ['an absolute form without a host', get(H, 'http:///x')],
  ['an absolute form with userinfo', get(H, 'http://u:p@a.example/')],
  ['an absolute form with a bad port', get(H, 'http://a.example:x/')],
  ['an absolute form with a port beyond 65535', get(H, 'http://a.example:70000/')],
  ['an absolute form of no IPv6 address', get(H, 'http://[:]/')],
  ['an absolute form without Host', get('', 'http://a.example/')],
  // Header lines
  ['a space before the colon', get(`${H}X : y\r\n`)],
  ['a tab before the colon', get(`${H}X\t: y\r\n`)],
  ['a space before the colon of Host', get('Host : a.example\r\n')],
  ['a line without a colon', get(`${H}X\r\n`)],
  ['a line without a name', get(`${H}: y\r\n`)],
  ['a name with a space', get(`${H}X Y: z\r\n`)],
  ['a name with a parenthesis', get(`${H}X(: z\r\n`)],
  ['a name with a slash', get(`${H}X/Y: z\r\n`)],
  ['a name with a NUL', get(`${H}X\0: z\r\n`)],
  ['a name beyond ASCII', get(`${H}X\xe9: z\r\n`)],
  ['a name in quotes', get(`${H}"X": z\r\n`)],
  ['a folded value', get(`${H}X: y\r\n z\r\n`)],
  ['a value folded by a tab', get(`${H}X: y\r\n\tz\r\n`)],
  ['a folded empty value', get(`${H}X:\r\n y\r\n`)],
  ['a folded Host', get('Host:\r\n a.example\r\n')],
  ['a folded first line', `GET / HTTP/1.1\r\n ${H}\r\n`],
  ['a value with a NUL', get(`${H}X: a\0b\r\n`)],
  ['a value with SOH', get(`${H}X: a\x01b\r\n`)],
  ['a value with BEL', get(`${H}X: a\x07b\r\n`)],
  ['a value with ESC', get(`${H}X: a\x1bb\r\n`)],
  ['a value with DEL', get(`${H}X: a\x7fb\r\n`)],
  ['a value with a bare CR', get(`${H}X: a\rb\r\n`)],
  ['a value ended by two CRs', get(`${H}X: a\r\r\n`)],
  ['a line ended by LF', get('Host: a.example\nX: y\r\n')],
  ['a head ended by LF', `GET / HTTP/1.1\r\n${H}\n`],
  ['a head ended by CR CR LF', `GET / HTTP/1.1\r\n${H}\r\r\n`],
  ['every line ended by LF', 'GET / HTTP/1.1\nHost: a.example\n\n'],
  // Content-Length
  ['two lengths that differ', post('Content-Length: 1\r\nContent-Length: 2\r\n', 'xy')],
  ['the same length twice', post('Content-Length: 1\r\nContent-Length: 1\r\n', 'x')],
  ['a list of lengths', post('Content-Length: 1, 1\r\n', 'x')],
  ['a length with a plus', post('Content-Length: +1\r\n', 'x')],
  ['a negative length', post('Content-Length: -1\r\n', 'x')],
  ['a hexadecimal length', post('Content-Length: 0x1\r\n', 'x')],
  ['a length of letters', post('Content-Length: one\r\n', 'x')],
  ['a length with a fraction', post('Content-Length: 1.0\r\n', 'x')],
  ['a length with an exponent', post('Content-Length: 1e0\r\n', 'x')],
  ['a length with an underscore', post('Content-Length: 1_0\r\n', '0123456789')],
  ['a length in two parts', post('Content-Length: 1 1\r\n', 'x')],
  ['an empty length', post('Content-Length:\r\n', 'x')],
  ['a length beyond 64 bits', post('Content-Length: 18446744073709551616\r\n', 'x')],
  ['a length of Arabic digits', post('Content-Length: \xd9\xa1\r\n', 'x')],
  // Transfer-Encoding
  ['a length, then chunked', post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
  ['chunked, then a length', post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n')],
  ['a length of 0 and chunked', post('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
  ['chunked in HTTP/1.0', `POST /io/echo HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['chunked twice', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
  ['chunked twice in a list', post('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n')],
  ['gzip, then chunked', post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n')],
  [
    'gzip and chunked on two lines',
    post('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
  ],
  ['chunked, then gzip', post('Transfer-Encoding: chunked, gzip\r\n', '0\r\n\r\n')],
  ['gzip alone', post('Transfer-Encoding: gzip\r\n', 'x')],
  ['identity', post('Transfer-Encoding: identity\r\n', 'x')],
  ['identity, then chunked', post('Transfer-Encoding: identity, chunked\r\n', '0\r\n\r\n')],
  ['an empty coding', post('Transfer-Encoding:\r\n', 'x')],
  ['an empty element, then chunked', post('Transfer-Encoding: ,chunked\r\n', '0\r\n\r\n')],
  ['a coding that ends like chunked', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n')],
  ['a coding that begins like chunked', post('Transfer-Encoding: chunkedx\r\n', '0\r\n\r\n')],
  ['chunked with a parameter', post('Transfer-Encoding: chunked;q=1\r\n', '0\r\n\r\n')],
  ['chunked in quotes', post('Transfer-Encoding: "chunked"\r\n', '0\r\n\r\n')],
  ['chunked behind a vertical tab', post('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n')],
  ['chunked with a space before the colon', post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n')],
  ['chunked folded', post('Transfer-Encoding:\r\n chunked\r\n', '0\r\n\r\n')],
  // Chunks
  ['a chunk size of letters', chunked('x\r\nx\r\n0\r\n\r\n')],
  ['a chunk size with 0x', chunked('0x1\r\nx\r\n0\r\n\r\n')],
  ['a chunk size with a plus', chunked('+1\r\nx\r\n0\r\n\r\n')],
  ['a negative chunk size', chunked('-1\r\nx\r\n0\r\n\r\n')],
  ['a chunk size with an underscore', chunked('0_1\r\nx\r\n0\r\n\r\n')],
  ['an empty chunk size', chunked('\r\nx\r\n0\r\n\r\n')],
  ['a chunk size beyond 64 bits', chunked('10000000000000001\r\nx\r\n0\r\n\r\n')],
  ['a space before the chunk size', chunked(' 1\r\nx\r\n0\r\n\r\n')],
  ['a space behind the chunk size', chunked('1 \r\nx\r\n0\r\n\r\n')],
  ['a chunk size ended by LF', chunked('1\nx\r\n0\r\n\r\n')],
  ['a chunk size ended by CR', chunked('1\rx\r\n0\r\n\r\n')],
  ['a chunk ended by LF', chunked('1\r\nx\n0\r\n\r\n')],
  ['a chunk that is longer than it says', chunked('1\r\nxy\r\n0\r\n\r\n')],
  ['a last chunk ended by LF', chunked('1\r\nx\r\n0\n\r\n')],
  ['a body ended by LF', chunked('1\r\nx\r\n0\r\n\n')],
  ['an extension with LF', chunked('1;a\nx\r\n0\r\n\r\n')],
  ['an extension with CR', chunked('1;a\rx\r\n0\r\n\r\n')],
  ['an extension with a NUL', chunked('1;a\0b\r\nx\r\n0\r\n\r\n')],
  ['a length in the trailer', chunked('1\r\nx\r\n0\r\nContent-Length: 1\r\n\r\n')],
  ['a trailer without a colon', chunked('1\r\nx\r\n0\r\nX y\r\n\r\n')],
  ['a folded trailer', chunked('1\r\nx\r\n0\r\nX: y\r\n z\r\n\r\n')],
];

const others: readonly Row[] = [
  refused('a head of more than 16 KiB', get(`${H}X: ${'y'.repeat(20_000)}\r\n`), 431, 'HEADERS_TOO_LARGE'),
  refused('a target of more than 16 KiB', get(H, `/${'x'.repeat(20_000)}`), 431, 'HEADERS_TOO_LARGE'),
  refused('a name of more than 16 KiB', get(`${H}${'x'.repeat(20_000)}: y\r\n`), 431, 'HEADERS_TOO_LARGE'),
  refused('too many headers', get(`${H}${'X: y\r\n'.repeat(200)}`), 431, 'HEADERS_TOO_LARGE'),
  refused(
    'chunk extensions of more than 16 KiB',
    chunked(`1;${'a'.repeat(20_000)}\r\nx\r\n0\r\n\r\n`),
    413,
    'BODY_TOO_LARGE',
  ),
  refused('TRACE', `TRACE / HTTP/1.1\r\n${H}\r\n`, 405, 'METHOD_NOT_ALLOWED'),
  refused('TRACE of a star', `TRACE * HTTP/1.1\r\n${H}\r\n`, 405, 'METHOD_NOT_ALLOWED'),
  refused('CONNECT', `CONNECT a.example:443 HTTP/1.1\r\n${H}\r\n`, 405, 'METHOD_NOT_ALLOWED'),
  refused('CONNECT without Host', 'CONNECT a.example:443 HTTP/1.1\r\n\r\n', 405, 'METHOD_NOT_ALLOWED'),
  served('a plain GET', get(H)),
  served('a Host with a port', get('Host: a.example:8080\r\n')),
  served('a Host with an empty port', get('Host: a.example:\r\n')),
  served('a Host of an IPv4 address', get('Host: 127.0.0.1:1\r\n')),
  served('a Host of an IPv6 address', get('Host: [::1]:1\r\n')),
  served('a Host of an IPv6 address with an IPv4 one in it', get('Host: [::ffff:1.2.3.4]\r\n')),
  served('a Host with the largest port', get('Host: a.example:65535\r\n')),
  served('a Host that is percent-encoded', get('Host: %C3%a9.example:80\r\n')),
  served('a Host with an underscore', get('Host: my_service\r\n')),
  served('no space behind the colon', get('Host:a.example\r\n')),
  served('spaces around a value', get('Host: \t a.example \t \r\n')),
  served('a value beyond ASCII', get(`${H}X: \xe9\r\n`)),
  served('an empty value', get(`${H}X:\r\n`)),
  served('every character that a name may have', get(`${H}!#$%&'*+-.^_\`|~0aZ: y\r\n`)),
  served('empty lines in front', `\r\n\r\n${get(H)}`),
  served('a GET with a body', get(`${H}Content-Length: 3\r\n`).concat('abc')),
  served('an absolute form', get(H, 'http://b.example/')),
  served('an absolute form without a path', get(H, 'http://b.example')),
  served('an absolute form in capitals', get(H, 'HTTP://b.example/')),
  served('an absolute form of https', get(H, 'https://b.example:443/')),
  served('an Upgrade that is not taken', get(`${H}Connection: Upgrade\r\nUpgrade: websocket\r\n`)),
  served(
    'an Upgrade to HTTP/2',
    get(`${H}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n`),
  ),
  served('two requests at once', next + next, [200, 200]),
  served('ten requests at once', next.repeat(10), Array<number>(10).fill(200)),
  served('a HEAD', `HEAD / HTTP/1.1\r\n${H}\r\n`, [200], { method: 'HEAD' }),
  served('OPTIONS of a path', `OPTIONS / HTTP/1.1\r\n${H}\r\n`, [204]),
  served('OPTIONS of a star', `OPTIONS * HTTP/1.1\r\n${H}\r\n`, [204]),
  served('a body by length', post('Content-Length: 3\r\n', 'abc'), [200], { body: 'abc' }),
  served('a length with zeros in front', post('Content-Length: 003\r\n', 'abc'), [200], { body: 'abc' }),
  served('a body of nothing', post('Content-Length: 0\r\n'), [200], { body: '' }),
  served('neither length nor chunks', post(''), [200], { body: '' }),
  served(
    'a body behind an Upgrade',
    post('Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n', 'abc'),
    [200],
    {
      body: 'abc',
    },
  ),
  served('a chunked body', chunked('3\r\nabc\r\n0\r\n\r\n'), [200], { body: 'abc' }),
  served('chunked in capitals', post('Transfer-Encoding: CHUNKED\r\n', '3\r\nabc\r\n0\r\n\r\n'), [200], {
    body: 'abc',
  }),
  served('chunk sizes with zeros in front', chunked('003\r\nabc\r\n000\r\n\r\n'), [200], { body: 'abc' }),
  served('chunk sizes in capitals', chunked(`A\r\n${'x'.repeat(10)}\r\n0\r\n\r\n`), [200], {
    body: 'x'.repeat(10),
  }),
  served('a chunk with an extension', chunked('3;a=b\r\nabc\r\n0\r\n\r\n'), [200], { body: 'abc' }),
  served('a chunk with an extension in quotes', chunked('3;a="b c"\r\nabc\r\n0\r\n\r\n'), [200], {
    body: 'abc',
  }),
  served('a trailer', chunked('3\r\nabc\r\n0\r\nX: y\r\n\r\n'), [200], { body: 'abc' }),
  served(
    'a length and a header that only looks like one',
    post('Content_Length: 9\r\nContent-Length: 3\r\n', 'abc'),
    [200],
    {
      body: 'abc',
    },
  ),
  served('a body, then a GET', post('Content-Length: 3\r\n', 'abc') + next, [200, 200]),
  served('100-continue', post('Expect: 100-continue\r\nContent-Length: 3\r\n', 'abc'), [100, 200], {
    body: 'abc',
  }),
  last('Connection: close', get(`${H}Connection: close\r\n`)),
  last('Connection: close among others', get(`${H}Connection: x, Close\r\n`)),
  last('HTTP/1.0', get('', '/', 'HTTP/1.0')),
  last('HTTP/1.0 with Host', get(H, '/', 'HTTP/1.0')),
  served('HTTP/1.0 that is kept', get(`${H}Connection: keep-alive\r\n`, '/', 'HTTP/1.0')),
  last('a request behind Connection: close', get(`${H}Connection: close\r\n`) + next),
  last('a chunked GET: nobody reads its body', get(`${H}Transfer-Encoding: chunked\r\n`).concat('0\r\n\r\n')),
  last('a chunked GET with a bad chunk', get(`${H}Transfer-Encoding: chunked\r\n`).concat('zz\r\n')),
  afterOne('garbage behind a sound request', '\0\0\0\r\n\r\n'),
  afterOne('a bad length behind a sound request', post('Content-Length: x\r\n')),
  afterOne('two Hosts behind a sound request', get(`${H}${H}`)),
  afterOne('HTTP/0.9 behind a sound request', 'GET /\r\n\r\n'),
];

export const table: readonly Row[] = [
  ...badRequests.map(([title, bytes]) => refused(title, bytes, 400, 'BAD_REQUEST')),
  ...others,
];

function refused(title: string, bytes: string, status: number, code: string): Row {
  return { title, bytes: bytes + next, statuses: [status], code, ends: true };
}

function served(
  title: string,
  bytes: string,
  statuses: readonly number[] = [200],
  more: Partial<Row> = {},
): Row {
  return { title, bytes, statuses, ends: false, ...more };
}

/** Served, and the last one of its connection. */
function last(title: string, bytes: string): Row {
  return { title, bytes, statuses: [200], ends: true };
}

/** Refused, and a sound request before it was served. */
function afterOne(title: string, bytes: string): Row {
  return { ...refused(title, next + bytes, 400, 'BAD_REQUEST'), statuses: [200, 400] };
}
