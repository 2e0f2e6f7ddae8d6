import { describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSealer } from '../../src/lib/seal.ts'
import { openSealer } from '../../src/lib/seal-key-file.ts'
import { createSecret } from '../../src/lib/secret.ts'
import { temporaryDirectory } from '../support/process.ts'

describe('secret', () => {
  test('reads [secret] however it is printed', () => {
    const secret = createSecret('hunter2')
    const printed = [
      `${secret}`,
      JSON.stringify({ secret }),
      Bun.inspect({ secret }),
      Bun.inspect(secret),
      String(secret),
    ]
    expect(printed.join()).not.toContain('hunter2')
    expect(printed.join()).toContain('[secret]')
    expect(JSON.stringify(Object.entries(secret))).not.toContain('hunter2')
    expect(secret.reveal()).toBe('hunter2')
  })
})

describe('seal', () => {
  const sealer = createSealer(randomBytes(32))

  test('opens what it has sealed, and seals differently each time', () => {
    for (const text of ['', 'password', 'pässwörd', 'x'.repeat(100_000)]) {
      const sealed = sealer.seal(createSecret(text), 'upstream')
      expect(sealer.unseal(sealed, 'upstream').reveal()).toBe(text)
      expect(sealer.seal(createSecret(text), 'upstream')).not.toBe(sealed)
      if (text !== '') expect(sealed).not.toContain(text)
    }
  })

  test('another purpose, another key, or any changed byte does not open, and no error holds the text', () => {
    const sealed = sealer.seal(createSecret('hunter2'), 'upstream')
    expect(() => sealer.unseal(sealed, 'signing')).toThrow('the sealed signing does not open')
    expect(() => createSealer(randomBytes(32)).unseal(sealed, 'upstream')).toThrow('does not open')
    const bytes = Buffer.from(sealed.slice(3), 'base64url')
    for (let place = 0; place < bytes.length; place++) {
      const changed = Buffer.from(bytes)
      changed[place] = (changed[place] ?? 0) ^ 1
      expect(() => sealer.unseal(`v1.${changed.toString('base64url')}`, 'upstream')).toThrow('does not open')
    }
    for (const wrong of ['', 'v1.', 'v1.AAAA', sealed.replace('v1', 'v2'), 'hunter2']) {
      expect(() => sealer.unseal(wrong, 'upstream')).toThrow('does not open')
    }
  })

  test('derives one key a purpose, always the same', () => {
    expect(sealer.derive('a').reveal()).toBe(sealer.derive('a').reveal())
    expect(sealer.derive('a').reveal()).not.toBe(sealer.derive('b').reveal())
    expect(Buffer.from(sealer.derive('a').reveal(), 'base64url').length).toBe(32)
  })
})

describe('the key file', () => {
  test('is made once, for its owner only, and opens what was sealed before', () => {
    using directory = temporaryDirectory('seal')
    const path = join(directory.path, 'seal.key')
    const sealed = openSealer(path).seal(createSecret('hunter2'), 'upstream')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(directory.path)).toEqual(['seal.key'])
    const before = readFileSync(path, 'utf8')
    expect(openSealer(path).unseal(sealed, 'upstream').reveal()).toBe('hunter2')
    expect(readFileSync(path, 'utf8')).toBe(before)
  })

  test('that holds something else is refused, not replaced', () => {
    using directory = temporaryDirectory('seal')
    const path = join(directory.path, 'seal.key')
    for (const text of ['', 'short', 'A'.repeat(100)]) {
      writeFileSync(path, text)
      expect(() => openSealer(path)).toThrow('restore the file from a backup')
      expect(readFileSync(path, 'utf8')).toBe(text)
    }
  })

  test('is not made where the settings give the key, and one that is there must hold the same', () => {
    using directory = temporaryDirectory('seal')
    const path = join(directory.path, 'seal.key')
    const key = randomBytes(32)
    const given = createSecret(key.toString('base64'))
    const sealed = openSealer(path, given).seal(createSecret('hunter2'), 'upstream')
    expect(readdirSync(directory.path)).toEqual([])
    writeFileSync(path, `${key.toString('base64url')}\n`)
    expect(openSealer(path).unseal(sealed, 'upstream').reveal()).toBe('hunter2')
    expect(openSealer(path, given).unseal(sealed, 'upstream').reveal()).toBe('hunter2')
    const other = createSecret(randomBytes(32).toString('base64'))
    expect(() => openSealer(path, other)).toThrow('holds another key')
  })
})
