import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isAppError } from '../../src/errors.ts'
import { MAX_JSON_DEPTH, refuseAmbiguousJson } from '../../src/oci/strict-json.ts'

const refused = (text: string | Uint8Array) => {
  try {
    refuseAmbiguousJson(typeof text === 'string' ? new TextEncoder().encode(text) : text)
    return false
  } catch (error) {
    if (isAppError(error, 'MANIFEST_INVALID')) return true
    throw error
  }
}

describe('refuseAmbiguousJson', () => {
  test('refuses a key that one object has twice, in any depth and spelling', () => {
    for (const text of [
      '{"a":1,"a":2}',
      '{"a":1,"b":{"c":1,"d":[{"e":1,"e":1}]}}',
      '{"a":1,"\\u0061":2}',
      '{"a":{"x":1},"b":2,"a":{"x":1}}',
      '[{"a":1 , "b":"}" , "a":2}]',
      '{"":1,"":2}',
      '{"a\\"":1,"a\\"":2}',
      '{"__proto__":1,"__proto__":2}',
    ]) {
      expect([text, refused(text)]).toEqual([text, true])
    }
  })

  test('passes keys that only look alike: in other objects, as values, in strings', () => {
    for (const text of [
      '{"a":1,"A":2,"b":{"a":3},"c":[{"a":4},{"a":5}]}',
      '{"a":"a","b":"a"}',
      '{"a":"{\\"a\\":1,\\"a\\":2}"}',
      '["a","a",["a"]]',
      '{"a":[{}],"b":[],"c":{}}',
      '"a"',
      '',
    ]) {
      expect([text, refused(text)]).toEqual([text, false])
    }
  })

  test('refuses a byte order mark and text that is not UTF-8', () => {
    expect(refused(new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))).toBe(true)
    expect(refused(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]))).toBe(true)
  })

  test('refuses nesting beyond its limit, however deep, without overflowing', () => {
    const nest = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect(refused(nest(MAX_JSON_DEPTH))).toBe(false)
    expect(refused(nest(MAX_JSON_DEPTH + 1))).toBe(true)
    expect(refused('['.repeat(3_000_000))).toBe(true)
    expect(refused('{"a":'.repeat(600_000))).toBe(true)
  })

  test('passes whatever JSON.stringify writes, and refuses it with one key repeated', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (value) => {
        const text = JSON.stringify(value)
        expect(refused(text)).toBe(false)
        const [key] = Object.keys(value)
        if (key === undefined) return
        expect(refused(`${text.slice(0, -1)},${JSON.stringify(key)}:0}`)).toBe(true)
      }),
    )
  })

  test('never throws anything else for any text', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\a1 ') }), (text) => void refused(text)))
  })
})
