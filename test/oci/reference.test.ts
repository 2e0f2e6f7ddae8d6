import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { digestOf, findDigest, parseDigest, verifyDigest } from '../../src/oci/digest.ts'
import {
  findRepositoryName,
  findTag,
  parseDigestTag,
  parseReference,
  parseRepositoryName,
  referrersTag,
  splitRepositoryName,
} from '../../src/oci/reference.ts'

const hex = (length: number) => fc.stringMatching(new RegExp(`^[a-f0-9]{${length}}$`))

describe('digests (image-spec descriptor.md "Digests")', () => {
  test('sha256 and sha512 of the right length are digests, nothing else is', () => {
    fc.assert(fc.property(hex(64), (encoded) => findDigest(`sha256:${encoded}`) === `sha256:${encoded}`))
    fc.assert(fc.property(hex(128), (encoded) => findDigest(`sha512:${encoded}`) === `sha512:${encoded}`))
    fc.assert(fc.property(fc.string(), (text) => findDigest(text) === undefined))
    fc.assert(fc.property(hex(64), (encoded) => findDigest(`sha512:${encoded}`) === undefined))
  })

  test('the error says what was got and what is wanted', () => {
    expect(() => parseDigest('md5:00')).toThrow(/"md5:00" is not valid: want sha256:/)
  })

  test('content is verified in the algorithm of its digest', () => {
    const bytes = new TextEncoder().encode('hello')
    verifyDigest(digestOf(bytes), bytes)
    verifyDigest(digestOf(bytes, 'sha512'), bytes)
    expect(() => verifyDigest(digestOf('other'), bytes)).toThrow(/hashes to sha256:2cf24dba.*want sha256:/)
  })
})

describe('names (distribution-spec "Pulling manifests")', () => {
  test('a name that is accepted matches the grammar of the specification', () => {
    const grammar = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/
    const candidate = fc.string({ unit: fc.constantFrom(...'ab0._-/A% '), maxLength: 20 })
    fc.assert(fc.property(candidate, (text) => (findRepositoryName(text) !== undefined) === grammar.test(text)))
  })

  test('255 characters are a name, 256 are not', () => {
    expect(findRepositoryName('a'.repeat(255))).toBeDefined()
    expect(() => parseRepositoryName('a'.repeat(256))).toThrow(/at most 255 characters/)
  })

  test('a long name that almost matches is refused in linear time', () => {
    expect(findRepositoryName(`${'a-'.repeat(120)}!`)).toBeUndefined()
  })

  test('the first component is the organization', () => {
    expect(splitRepositoryName(parseRepositoryName('acme/charts/demo'))).toEqual({
      organization: 'acme',
      rest: 'charts/demo',
    })
    expect(splitRepositoryName(parseRepositoryName('acme'))).toBeUndefined()
  })
})

describe('references', () => {
  test('whatever has a colon must be a digest, all else a tag', () => {
    expect(parseReference('v1.0_x-y')).toEqual({ tag: 'v1.0_x-y' as never })
    expect(parseReference(digestOf('x'))).toEqual({ digest: digestOf('x') })
    expect(() => parseReference('sha256:abc')).toThrow(expect.objectContaining({ code: 'DIGEST_INVALID' }))
    expect(() => parseReference('-v1')).toThrow(expect.objectContaining({ code: 'TAG_INVALID' }))
    expect(findTag('a\n')).toBeUndefined()
  })

  test('the referrers tag cuts the encoded part at 64 characters (distribution-spec "Referrers Tag Schema")', () => {
    const long = digestOf('x', 'sha512')
    expect(referrersTag(digestOf('x'))).toBe(digestOf('x').replace(':', '-') as never)
    expect(referrersTag(long)).toBe(`sha512-${long.slice(7, 71)}` as never)
  })

  test('tags that hang content on a digest are told from ordinary ones', () => {
    const subject = digestOf('x')
    const dashed = subject.replace(':', '-')
    expect(parseDigestTag(dashed)).toEqual({ subject, suffix: undefined })
    expect(parseDigestTag(`${dashed}.sig`)).toEqual({ subject, suffix: '.sig' })
    expect(parseDigestTag(referrersTag(digestOf('x', 'sha512')))).toEqual({ subject: undefined, suffix: undefined })
    expect(parseDigestTag('sha256-abc')).toBeUndefined()
    expect(parseDigestTag('3.13')).toBeUndefined()
  })
})
