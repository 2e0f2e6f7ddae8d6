// What is kept of a receiver's answer holds no secret, and looking for secrets has an end whatever the receiver says.
import { describe, expect, test } from 'bun:test'
import { webhookCreateSchema } from '../../src/api/webhooks.ts'
import { createVeil, shownAnswer } from '../../src/events/veil.ts'
import { createRedactor } from '../../src/lib/redact.ts'

const MAC = 'tcUYdXv9sK1m_Zq-4RrJbNn0pLwEoG7hAxQf2iTu3yk'
const CALLBACK = `https://kagami.example/callbacks/6e9a1a5e-0d0e-8a43-8f2a-1c9a4e6d7b10.${MAC}/`
const TOKEN = 'tok/9f3aB+ 77e1=d2c6'
const SECRET = 'c2VjcmV0LW9mLXRoZS1zaWduYXR1cmUtaXMtaGVyZSE='
const nothing = { headers: {}, excerpt: '', error: null }

const shown = (said: object) => shownAnswer(createVeil([TOKEN, 'prod'], [SECRET]), { ...nothing, ...said }, CALLBACK)

describe('an answer is kept', () => {
  const WAYS: Readonly<Record<string, (secret: string) => string>> = {
    plain: (secret) => secret,
    base64: (secret) => Buffer.from(`user:${secret}`).toString('base64'),
    hex: (secret) => Buffer.from(secret).toString('hex'),
    'for URLs': encodeURIComponent,
    'as JSON in JSON': (secret) => JSON.stringify(JSON.stringify(secret)),
  }
  for (const [way, write] of Object.entries(WAYS)) {
    test(`without what was sent in secret, ${way}, in body, headers, their names and the error`, () => {
      for (const secret of [TOKEN, SECRET, MAC]) {
        const text = `you sent ${write(secret)}, thanks`
        const told = shown({ headers: { 'x-echo': text, [`x-${write(secret)}`]: '1' }, excerpt: text, error: text })
        const all = JSON.stringify(told)
        expect(all).toContain('[redacted]')
        expect(all).not.toContain(write(secret).slice(4, -4))
      }
    })
  }

  test('without what a cut has left of a secret', () => {
    for (let before = 470; before < 500; before++) {
      const { headers } = shown({ headers: { 'x-echo': 'z'.repeat(before) + TOKEN.repeat(4) } })
      expect(headers['x-echo']).not.toContain(TOKEN.slice(0, 5))
    }
    for (let before = 1000; before < 1020; before++) {
      const { excerpt } = shown({ excerpt: ('z'.repeat(before) + TOKEN.repeat(4)).slice(0, 1024) })
      expect(excerpt).not.toContain(TOKEN.slice(0, 5))
    }
  })

  test('as it is, where a short value of an own header occurs in it', () => {
    const told = { headers: { server: 'production/1.2', env: 'prod' }, excerpt: 'reproduced', error: null }
    expect(shown(told)).toEqual({ ...told, headers: { ...told.headers, env: '[secret]' } })
  })

  test('up to a length', () => {
    const headers = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`x-${i}`, 'y'.repeat(15_000)]))
    const told = shown({ headers, error: 'e'.repeat(5000) })
    expect(JSON.stringify(told).length).toBeLessThan(6000)
  })
})

test('an answer that is made to be long in looking at is shown as far as it was looked at', () => {
  const text = '%5Cu0026amp;%26#37;41\\x25\\u0025&amp;#x25;'.repeat(12)
  const headers = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`x-${i}`, `${i}${text}`]))
  const told = shown({ headers, error: 'the receiver answered 500' })
  expect(told.error).toBe('the receiver answered 500')
  expect(Object.values(told.headers).at(-1)).toBe('[redacted]')
  expect(Object.keys(told.headers).length).toBeLessThan(8)
})

test('a text that is made to be long in looking at is shown as nothing', () => {
  // Every place of it begins like each of the secrets.
  const own = Array.from({ length: 20 }, (_, i) => `${'a'.repeat(200)}${i}`)
  expect(createRedactor(own).redact(`${'a'.repeat(400)}…`.repeat(40))).toBe('[redacted]')
})

test('values of own headers have an end together', () => {
  const headers = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`x-${i}`, 'v'.repeat(1000)]))
  const { error } = webhookCreateSchema.safeParse({ name: 'ci', url: 'https://x.example/', headers })
  expect(error?.message).toContain('got values of 5000 characters, want at most 4096 in all')
})
