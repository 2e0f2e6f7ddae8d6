// Docker's config.json and credential helpers: real files, and real programs on a PATH of their own.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findDockerLogin } from '../../../src/remote/sign-in/docker.ts'
import { parseUpstreamUrl } from '../../../src/remote/upstream.ts'
import { withEnvironment } from '../../support/fake-clouds.ts'
import { temporaryDirectory } from '../../support/process.ts'

let folder: ReturnType<typeof temporaryDirectory>
let path: Disposable
beforeEach(() => {
  folder = temporaryDirectory('docker-config')
  path = withEnvironment({ PATH: `${folder.path}:${process.env.PATH}` })
})
afterEach(() => {
  path[Symbol.dispose]()
  folder.remove()
})

const at = (name: string) => join(folder.path, name)
const loginOf = (url: string, config: unknown, helperTimeoutMs?: number) => {
  writeFileSync(at('config.json'), typeof config === 'string' ? config : JSON.stringify(config))
  const how = { config: at('config.json'), ...(helperTimeoutMs === undefined ? {} : { helperTimeoutMs }) }
  return findDockerLogin(parseUpstreamUrl(url), how)
}
const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') })

/** A helper as docker's protocol has it; what it was asked is beside it. */
function helper(name: string, script: string): void {
  const file = at(`docker-credential-${name}`)
  writeFileSync(file, `#!/bin/sh\necho "$1" >> ${at(`${name}.asked`)}\ncat >> ${at(`${name}.asked`)}\n${script}\n`)
  chmodSync(file, 0o755)
}
const asked = (name: string) => (existsSync(at(`${name}.asked`)) ? readFileSync(at(`${name}.asked`), 'utf8') : '')
const answers = (username: string, secret: string) =>
  `echo '${JSON.stringify({ ServerURL: 'x', Username: username, Secret: secret })}'`
const failed = (work: Promise<unknown>) =>
  work.then(
    () => ({ code: 'none', message: '' }),
    (error) => error as { code: string; message: string },
  )

describe("docker's config.json", () => {
  test('has logins by the names that docker gives registries', async () => {
    const me = { username: 'me', password: 'pass:word' }
    for (const name of ['127.0.0.1:5000', 'http://127.0.0.1:5000', 'https://127.0.0.1:5000/v2/']) {
      expect(await loginOf('http://127.0.0.1:5000/team', { auths: { [name]: auth('me:pass:word') } })).toEqual(me)
    }
    const hub = { auths: { 'https://index.docker.io/v1/': auth('me:pass:word') } }
    expect(await loginOf('docker.io', hub)).toEqual(me)
    expect(await loginOf('https://other.example', hub)).toBeUndefined()
    const plain = { auths: { 'other.example': { username: 'me', password: 'pass:word' } } }
    expect(await loginOf('https://other.example', plain)).toEqual(me)
    const token = { auths: { 'other.example': { ...auth('me:x'), identitytoken: 'refresh' } } }
    expect(await loginOf('https://other.example', token)).toEqual({ username: '<token>', password: 'refresh' })
    expect(await loginOf('https://other.example', { auths: { 'other.example': {} } })).toBeUndefined()
    expect(await findDockerLogin(parseUpstreamUrl('docker.io'), { config: at('absent.json') })).toBeUndefined()
  })

  test('that cannot be understood is refused, and nothing of it is told', async () => {
    for (const config of [
      '{"auths": {"other.example": {"auth": "hunter2',
      '["hunter2"]',
      { auths: { 'other.example': { auth: 'hunter2' } } },
      { credHelpers: { 'other.example': '../hunter2' } },
    ]) {
      const error = await failed(loginOf('https://other.example', config))
      expect([error.code, error.message]).toEqual(['TARGET_DENIED', expect.stringContaining('config.json')])
      expect(Bun.inspect(error)).not.toContain('hunter2')
    }
    expect((await failed(loginOf('https://other.example', 'x'.repeat(1024 * 1024 + 1)))).message).toContain('1048576')
  })

  test('a helper of the registry comes before the store of all, and that before the file', async () => {
    helper('own', answers('by-helper', 'secret of the helper'))
    helper('store', answers('<token>', 'secret of the store'))
    helper('empty', "echo 'credentials not found in native keychain'; exit 1")
    const file = { auths: { 'a.example': auth('by-file:x'), 'b.example': auth('by-file:x') } }
    const both = { ...file, credHelpers: { 'a.example': 'own' }, credsStore: 'store' }
    expect(await loginOf('https://a.example', both)).toEqual({
      username: 'by-helper',
      password: 'secret of the helper',
    })
    expect(asked('own')).toBe('get\na.example')
    expect(await loginOf('https://b.example', both)).toEqual({ username: '<token>', password: 'secret of the store' })
    expect((await loginOf('https://b.example', { ...file, credsStore: 'empty' }))?.username).toBe('by-file')
    await loginOf('docker.io', { credsStore: 'store' })
    expect(asked('store')).toEndWith('https://index.docker.io/v1/')
  })

  test('helpers that are not there, fail, hang, or say too much are told as such', async () => {
    const told = async (name: string, script: string | undefined) => {
      if (script !== undefined) helper(name, script)
      const error = await failed(loginOf('https://a.example', { credHelpers: { 'a.example': name } }, 300))
      expect([name, error.code]).toEqual([name, 'TARGET_DENIED'])
      expect(Bun.inspect(error)).not.toContain('hunter2')
      return error.message
    }
    expect(await told('absent', undefined)).toContain('docker-credential-absent, which is not on the PATH')
    expect(await told('failing', "echo 'the keychain is locked'; exit 1")).toContain('failed: the keychain is locked')
    expect(await told('leaking', 'echo \'{"Secret":"hunter2"}\'; exit 1')).toContain('failed.')
    expect(await told('hanging', 'exec sleep 600')).toContain('no answer within 0.3 s')
    expect(await told('forking', 'sleep 3; true')).toContain('no answer within 0.3 s')
    expect(await told('talking', 'exec yes hunter2')).toContain('no answer within')
    expect(await told('vague', 'echo \'{"Secret":"hunter2"}\'')).toContain('without Username and Secret')
  })
})
