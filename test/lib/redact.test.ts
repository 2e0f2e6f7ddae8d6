// No secret is shown, whatever it is written as.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { AppError, isAppError } from '../../src/errors.ts'
import { createRedactor } from '../../src/lib/redact.ts'
import { redactError } from '../../src/lib/redact-error.ts'

type Encoding = (secret: string) => string
const base64 = (text: string) => Buffer.from(text).toString('base64')
const percent = (text: string) =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
const unicode = (text: string) =>
  Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')

const ENCODINGS: Readonly<Record<string, Encoding>> = {
  itself: (s) => s,
  base64,
  'base64 without padding': (s) => base64(s).replaceAll('=', ''),
  base64url: (s) => Buffer.from(s).toString('base64url'),
  'base64 after one byte': (s) => base64(`x${s}`),
  'base64 after two bytes': (s) => base64(`me${s}`),
  'base64 before more': (s) => base64(`${s}?`),
  'base64 within a header': (s) => base64(`{"authorization":"Basic ${s}"}`),
  'base64 in lines': (s) => base64(s).replace(/.{5}/g, '$&\r\n'),
  'base64 for an URL': (s) => encodeURIComponent(base64(s)),
  'base64 of what an URL has': (s) => base64(encodeURIComponent(s)),
  'base64 of JSON': (s) => base64(JSON.stringify({ password: s })),
  hex: (s) => Buffer.from(s).toString('hex'),
  'HEX of it': (s) => Buffer.from(s).toString('hex').toUpperCase(),
  'URL component': (s) => encodeURIComponent(s),
  'url component in lower case': (s) => encodeURIComponent(s).replace(/%../g, (part) => part.toLowerCase()),
  form: (s) => new URLSearchParams({ p: s }).toString().slice(2),
  'every byte for an URL': percent,
  'URL twice': (s) => encodeURIComponent(encodeURIComponent(s)),
  'every byte for an URL, twice': (s) => encodeURIComponent(percent(s)),
  JSON: (s) => JSON.stringify(s),
  'JSON in JSON': (s) => JSON.stringify(JSON.stringify(s)),
  'JSON with code units': unicode,
  'HTML with code points': (s) => [...s].map((char) => `&#${char.codePointAt(0)};`).join(''),
  'HTML in hex': (s) => [...s].map((char) => `&#x${char.codePointAt(0)?.toString(16)};`).join(''),
  HTML: (s) => Bun.escapeHTML(s),
  'bytes of a program': (s) => percent(s).replaceAll('%', '\\x'),
  'octal bytes of a program': (s) =>
    [...Buffer.from(s)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join(''),
  'base64 in quoted parts': (s) => base64(s).replace(/.{6}/g, '$&", "'),
  'base64 of a login in two parts of a message': (s) => base64(`robot:${s}`).replace(/^.{11}/, '$&: '),
  'hex with colons': (s) =>
    Buffer.from(s)
      .toString('hex')
      .replace(/..(?=.)/g, '$&:'),
  'bytes of an array': (s) => JSON.stringify([...Buffer.from(s)]),
  'spread out': (s) => [...s].join(' '),
  'capital letters': (s) => s.replace(/[a-z]/g, (char) => char.toUpperCase()),
}

const secret = fc
  .oneof(
    fc.string({ minLength: 6, maxLength: 60 }),
    fc.string({ unit: 'binary', minLength: 6, maxLength: 30 }),
    fc.stringMatching(/^[A-Za-z0-9+/=_%\\"&; -]{6,60}$/),
    fc.base64String({ minLength: 8, maxLength: 200 }),
  )
  // Without anything to see there is nothing to find, and half of a surrogate pair has no bytes.
  .filter((text) => text.isWellFormed() && text.replace(/[\s\p{Cc}\p{Cf}]/gu, '').length >= 6)
const around = fc.stringMatching(/^[ <>(),.:!]{0,20}$/)

describe('a secret is not shown', () => {
  test.each(Object.entries(ENCODINGS))('as %s', (_name, encode) => {
    fc.assert(
      fc.property(secret, around, around, (hidden, before, after) => {
        const written = encode(hidden)
        const shown = createRedactor([hidden]).redact(`${before}${written}${after}`)
        expect(shown).toContain('[redacted]')
        expect(shown).not.toContain(hidden)
        // Of what surrounds it nothing is lost that could not belong to it.
        expect(shown.startsWith(before.trimEnd())).toBe(true)
        // At most the quotes, brackets and words that the encoding itself has put around it are left.
        const left = shown.slice(before.length).replace('[redacted]', '')
        if (/^(base64|hex|HEX|URL|url|every)/.test(_name))
          expect(left.length).toBeLessThan(written.length + after.length)
      }),
      { numRuns: 150 },
    )
  })

  test('whole: neither beginning nor end of it remains where it stands alone', () => {
    const alone = [
      'itself',
      'base64',
      'base64url',
      'hex',
      'URL component',
      'every byte for an URL',
      'JSON with code units',
    ]
    fc.assert(
      fc.property(secret, fc.constantFrom(...alone), (hidden, name) => {
        const shown = createRedactor([hidden]).redact(`<${ENCODINGS[name]?.(hidden)}>`)
        // White space and control characters at its ends are no part of what is looked for.
        expect(shown.replace(/%[0-2][0-9a-f]|\\u00[0-2][0-9a-f]|\s|\p{Cc}|\p{Cf}/giu, '')).toBe('<[redacted]>')
      }),
    )
  })

  test('and where it was cut off, what is left of it is not shown either', () => {
    fc.assert(
      fc.property(secret, fc.constantFrom('itself', 'base64', 'hex'), fc.nat(), (hidden, name, at) => {
        const written = (ENCODINGS[name]?.(hidden) ?? '').replace(/\s|=+$/g, '')
        const length = 6 + (at % written.length)
        const cut = written.slice(0, length)
        if (cut.replace(/[\s\p{Cc}\p{Cf}]/gu, '').length < 6) return
        expect(createRedactor([hidden]).redact(`said: ${cut}…`)).not.toContain(cut)
      }),
    )
  })
})

test('text without a secret stays as it is, whatever it looks like', () => {
  const redactor = createRedactor(['correct horse battery staple', 'eyJhbGciOiJub25lIn0.e30.'])
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      expect(redactor.redact(text)).toBe(text)
    }),
  )
  for (const text of ['%68%6f', '\\u0068orse', 'Basic Y29y', '&amp;&#104;', 'correct', 'cor…x', 'a 100% …']) {
    expect(redactor.redact(text)).toBe(text)
  }
  expect(createRedactor().redact('anything')).toBe('anything')
})

test('several secrets, next to and within each other, each leave one mark', () => {
  const redactor = createRedactor(['hunter2', 'hunter22', 'swordfish'])
  expect(redactor.redact('a hunter22, b hunter2swordfish, c SWORDFISH')).toBe(
    'a [redacted], b [redacted], c [redacted]',
  )
})

test('what lasts is never forgotten, of the others the last ones are known', () => {
  const redactor = createRedactor(['password'])
  for (let i = 0; i < 1000; i++) redactor.add(`token-number-${i}-of-many`)
  expect(redactor.redact('password token-number-999-of-many')).toBe('[redacted] [redacted]')
})

test('hostile text costs little: escapes upon escapes, and one letter a thousand times', () => {
  const redactor = createRedactor(['a'.repeat(500), 'hunter2'])
  const texts = ['%25'.repeat(3000), '\\'.repeat(8000), '&amp;'.repeat(2000), 'a'.repeat(499).concat(' b').repeat(16)]
  for (const text of texts) expect(typeof redactor.redact(text)).toBe('string')
})

describe('an error', () => {
  const redactor = createRedactor(['hunter2'])
  test('loses secrets from message, detail, stack and all of its causes, and keeps the rest', () => {
    const bug = new TypeError('Unexpected identifier "hunter2"')
    const cause = new AppError('UPSTREAM_INVALID', 'said aHVudGVyMg==', { cause: bug })
    const detail = { status: 401, body: 'x hunter2', list: ['hunter2', { deep: '%68unter2' }], n: null }
    const clean = redactError(new AppError('UPSTREAM_DENIED', 'no: hunter2', { detail, cause }), redactor)
    expect(isAppError(clean, 'UPSTREAM_DENIED')).toBe(true)
    expect((clean as AppError).message).toBe('no: [redacted]')
    expect((clean as AppError).detail).toEqual({
      status: 401,
      body: 'x [redacted]',
      list: ['[redacted]', { deep: '[redacted]' }],
      n: null,
    })
    const told: string[] = []
    for (let one: unknown = clean; one instanceof Error; one = one.cause)
      told.push(one.name, one.message, `${one.stack}`)
    expect(told.join('\n')).not.toMatch(/hunter2|aHVudGVyMg|%68unter2/)
    expect(told).toContain('TypeError')
    expect(told).toContain('said [redacted]')
  })

  test('without secrets is the same error, and a circle of causes ends', () => {
    const plain = new AppError('UPSTREAM_DENIED', 'no', { detail: { status: 401 }, cause: new Error('why') })
    expect(redactError(plain, redactor)).toBe(plain)
    const circle = new Error('hunter2')
    circle.cause = circle
    expect(String(redactError(circle, redactor))).toBe('Error: [redacted]')
  })
})
