// Docker's config.json on the server, with real helpers on a PATH of their own; forms of the file: test/remote/docker-config.test.ts.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { signInByDocker } from '../../../src/remote/sign-in/docker.ts'
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
const loginOf = (config: unknown, timeout = AbortSignal.timeout(30_000)) => {
  writeFileSync(at('config.json'), typeof config === 'string' ? config : JSON.stringify(config))
  return signInByDocker(parseUpstreamUrl('https://a.example'), at('config.json'), timeout)
}

/** A helper as docker's protocol has it; what it was asked is beside it. */
function helper(name: string, script: string): void {
  const file = at(`docker-credential-${name}`)
  writeFileSync(file, `#!/bin/sh\necho "$1" >> ${at(`${name}.asked`)}\ncat >> ${at(`${name}.asked`)}\n${script}\n`)
  chmodSync(file, 0o755)
}
const failed = (work: Promise<unknown>) =>
  work.then(
    () => ({ code: 'none', message: '' }),
    (error) => error as { code: string; message: string },
  )

describe("sign-in by docker's config.json", () => {
  test('a helper on the PATH of the server, or what the file holds, or nobody', async () => {
    helper('keeper', `echo '${JSON.stringify({ Username: 'me', Secret: 'of the helper' })}'`)
    const both = { credHelpers: { 'a.example': 'keeper' }, auths: { 'a.example': { auth: 'eDp5' } } }
    expect(await loginOf(both)).toEqual({ username: 'me', password: 'of the helper' })
    expect(readFileSync(at('keeper.asked'), 'utf8')).toBe('get\na.example')
    expect(await loginOf({ auths: both.auths })).toEqual({ username: 'x', password: 'y' })
    expect(await loginOf({})).toBeUndefined()
    const absent = signInByDocker(parseUpstreamUrl('docker.io'), at('absent.json'), AbortSignal.timeout(30_000))
    expect(await absent).toBeUndefined()
  })

  test('files and helpers that fail, hang or say too much are told as such, and nothing secret of them', async () => {
    const told = async (name: string, script: string | undefined) => {
      if (script !== undefined) helper(name, script)
      const error = await failed(loginOf({ credHelpers: { 'a.example': name } }, AbortSignal.timeout(300)))
      expect([name, error.code]).toEqual([name, 'TARGET_DENIED'])
      expect(Bun.inspect(error)).not.toContain('hunter2')
      return error.message
    }
    expect(await told('absent', undefined)).toContain('docker-credential-absent')
    expect(await told('failing', "echo 'the keychain is locked'; exit 1")).toContain('the keychain is locked')
    await told('leaking', 'echo \'{"Secret":"hunter2"}\'; exit 1')
    await told('vague', 'echo \'{"Secret":"hunter2"}\'')
    await told('talking', 'exec yes hunter2')
    for (const [name, script] of [
      ['hanging', 'exec sleep 600'],
      ['forking', 'sleep 3; true'],
    ] as const) {
      expect(await told(name, script)).toContain('gave no answer in time')
    }
    for (const config of [
      '{"auths": {"a.example": {"auth": "hunter2',
      '["hunter2"]',
      ' '.repeat(4 * 1024 * 1024 + 1),
    ]) {
      const error = await failed(loginOf(config))
      expect([error.code, error.message]).toEqual(['TARGET_DENIED', expect.stringContaining('KAGAMI_DOCKER_CONFIG')])
      expect(Bun.inspect(error)).not.toContain('hunter2')
    }
  })
})
