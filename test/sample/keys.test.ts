import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createPrivateKey, generateKeyPairSync, verify } from 'node:crypto'
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { loadOrCreateSampleKey, parseSampleKey, SAMPLE_KEY_FILE } from '../../src/sample/keys.ts'
import { temporaryDirectory } from '../support/process.ts'

const PAYLOAD = new TextEncoder().encode('sample')

describe('the signing key of the sample', () => {
  let directory: ReturnType<typeof temporaryDirectory>
  beforeEach(() => {
    directory = temporaryDirectory('sample-key')
  })
  afterEach(() => directory.remove())

  test('is made once, readable by its owner only, and loaded from then on', async () => {
    const home = join(directory.path, 'not', 'yet')
    const made = await loadOrCreateSampleKey(home)
    expect(statSync(join(home, SAMPLE_KEY_FILE)).mode & 0o777).toBe(0o600)
    const loaded = await loadOrCreateSampleKey(home)
    expect(loaded.publicKeyPem).toBe(made.publicKeyPem)
    expect(Buffer.from(loaded.sign(PAYLOAD))).toEqual(Buffer.from(made.sign(PAYLOAD)))
    expect(verify('sha256', PAYLOAD, made.publicKeyPem, made.sign(PAYLOAD))).toBe(true)
  })

  test('is one and the same for many who make it at once, and leaves no other file', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateSampleKey(directory.path)))
    expect(new Set(keys.map((key) => key.publicKeyPem)).size).toBe(1)
    expect(readdirSync(directory.path)).toEqual([SAMPLE_KEY_FILE])
  })

  test('never prints its secret', async () => {
    const key = await loadOrCreateSampleKey(directory.path)
    const secret = createPrivateKey(await Bun.file(join(directory.path, SAMPLE_KEY_FILE)).text()).export({
      format: 'jwk',
    })
    const printed = inspect(key, { depth: 10, showHidden: true }) + JSON.stringify(key)
    expect(secret.d).toBeString()
    expect(printed).not.toContain(secret.d ?? '')
    expect(printed).not.toContain('PRIVATE')
  })

  test('is refused, and not overwritten, when the file holds something else', async () => {
    const path = join(directory.path, SAMPLE_KEY_FILE)
    const others = [
      'no key',
      generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ]
    for (const text of others) {
      writeFileSync(path, text)
      chmodSync(path, 0o600)
      await expect(loadOrCreateSampleKey(directory.path)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
      expect(await Bun.file(path).text()).toBe(text)
    }
  })

  test('signs deterministically: the test vector of RFC 6979 section A.2.5 (P-256, SHA-256)', () => {
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      d: Buffer.from('C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721', 'hex').toString('base64url'),
      x: Buffer.from('60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6', 'hex').toString('base64url'),
      y: Buffer.from('7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299', 'hex').toString('base64url'),
    }
    const pem = createPrivateKey({ key: jwk, format: 'jwk' }).export({ type: 'pkcs8', format: 'pem' }).toString()
    expect(Buffer.from(parseSampleKey(pem, 'test vector').sign(PAYLOAD)).toString('hex')).toBe(
      '3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716' +
        '022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
    )
  })
})
