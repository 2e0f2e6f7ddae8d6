// Certificates of an upstream: nothing but certificates is ever stored (issue 7, row 18).
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { forgetPrivateKeys } from '../../../src/catalog/stored-keys.ts'
import { createUpstream, findUpstream } from '../../../src/db/mirrors/upstreams.ts'
import { commandLineUser } from '../../support/command-line.ts'
import { describeOnEachEngine } from '../../support/engines.ts'
import { temporaryDirectory } from '../../support/process.ts'
import { upstreamRow } from '../../support/upstream-row.ts'
import { OWNER, startWholeServer, type WholeServer } from '../../support/whole-server.ts'

const [one = '', two = ''] = rootCertificates
const kinds = ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'OPENSSH PRIVATE KEY']
const keyOf = (kind: string) => `-----BEGIN ${kind}-----\nc2VjcmV0\n-----END ${kind}-----\n`

let kagami: WholeServer
beforeAll(async () => {
  kagami = await startWholeServer()
})
afterAll(() => kagami.stop())

const add = (name: string, ca: string) =>
  kagami.call('POST', '/upstreams', {
    login: OWNER,
    body: { name, url: 'https://registry.example', organization: 'acme', ca },
  })

for (const kind of kinds) {
  test(`a ${kind} beside certificates is refused, and not repeated`, async () => {
    for (const ca of [
      `${one}\n${keyOf(kind)}`,
      `${keyOf(kind)}${one}`,
      keyOf(kind),
      `${one}\r\n${keyOf(kind).toLowerCase()}`,
    ]) {
      const answer = await add('with-key', ca)
      expect([answer.status, answer.code]).toEqual([400, 'INVALID_REQUEST'])
      expect(answer.message).toContain('private key')
      expect(answer.text).not.toContain('c2VjcmV0')
    }
  })
}

test('the command line refuses a file with a private key before anything is sent', async () => {
  using home = temporaryDirectory('ca')
  const path = join(home.path, 'ca.pem')
  writeFileSync(path, `${one}\n${keyOf('PRIVATE KEY')}`)
  // Nobody listens there: the refusal comes from here.
  const user = commandLineUser('http://127.0.0.1:1', home.path, 'kgm_token')
  const ended = await user.run(['upstream', 'add', 'x', 'https://registry.example', '--org', 'acme', '--ca-file', path])
  expect(ended.status).toBe(1)
  expect(ended.stderr).toContain(`--ca-file ${path}: want certificates only, got a private key too`)
})

describeOnEachEngine('Stored certificates', (openFresh) => {
  test('what an earlier version stored beside certificates is forgotten', async () => {
    const db = await openFresh()
    const stored = async (name: string, ca: string) => {
      await db.write((tx) => createUpstream(tx, upstreamRow({ name, ca })))
    }
    await stored('both', `# notes\n${one}\n${keyOf('RSA PRIVATE KEY')}${two}\n`)
    await stored('key-alone', keyOf('PRIVATE KEY'))
    await stored('plain', one)
    await forgetPrivateKeys(db)
    const caOf = async (name: string) => (await findUpstream(db.read, null, name))?.ca
    expect((await caOf('both'))?.match(/-----[A-Z ]+-----/g)).toEqual([
      '-----BEGIN CERTIFICATE-----',
      '-----END CERTIFICATE-----',
      '-----BEGIN CERTIFICATE-----',
      '-----END CERTIFICATE-----',
    ])
    expect(await caOf('both')).not.toContain('notes')
    expect(await caOf('key-alone')).toBeNull()
    expect(await caOf('plain')).toBe(one)
  })
})
