import { afterAll, describe, expect, test } from 'bun:test'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAppError } from '../../src/errors.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { findDockerLogin, parseDockerConfig } from '../../src/remote/docker-config.ts'
import { type AskHelper, askHelperOn } from '../../src/remote/docker-credential-helper.ts'
import { temporaryDirectory } from '../support/process.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const find = (config: object, host: string, repository?: string, ask?: AskHelper) =>
  findDockerLogin(parseDockerConfig(JSON.stringify(config), 'config.json'), host, {
    ...(ask && { ask }),
    repository: repository === undefined ? undefined : parseRepositoryName(repository),
  })

describe("logins in docker's config.json", () => {
  test('are found by the host, with port, and by the URL that docker once wrote', async () => {
    const auths = {
      'registry.example:5000': { auth: base64('ann:p:1') },
      'https://old.example/v1/': { auth: base64('bob:two') },
    }
    expect(await find({ auths }, 'registry.example:5000')).toEqual({ username: 'ann', password: 'p:1' })
    expect(await find({ auths }, 'old.example')).toEqual({ username: 'bob', password: 'two' })
    expect(await find({ auths }, 'registry.example')).toBeUndefined()
  })

  test("of Docker Hub are kept under its first API's URL, those of podman under docker.io", async () => {
    expect(await find({ auths: { 'https://index.docker.io/v1/': { auth: base64('hub:1') } } }, 'docker.io')).toEqual({
      username: 'hub',
      password: '1',
    })
    expect(await find({ auths: { 'docker.io': { auth: base64('pod:2') } } }, 'docker.io')).toEqual({
      username: 'pod',
      password: '2',
    })
  })

  test('of a part of a registry come before those of the whole (containers-auth.json)', async () => {
    const auths = {
      'r.example': { auth: base64('all:0') },
      'r.example/acme': { auth: base64('acme:1') },
      'r.example/acme/app': { auth: base64('app:2') },
    }
    const names = await Promise.all(
      ['acme/app', 'acme/other', 'else'].map(async (one) => (await find({ auths }, 'r.example', one))?.username),
    )
    expect(names).toEqual(['app', 'acme', 'all'])
  })

  test('an identity token is a refresh token, an empty entry none', async () => {
    const auths = { 'a.example': { auth: base64('ann:'), identitytoken: 'opaque' }, 'b.example': {} }
    expect(await find({ auths }, 'a.example')).toEqual({ username: '<token>', password: 'opaque' })
    expect(await find({ auths }, 'b.example')).toBeUndefined()
  })

  test('a file that is none is refused without a word of it', () => {
    for (const text of ['secret', '[]', '{"auths":{"a":"secret"}}', '{"auths":{"a":{"auth":{"secret":1}}}}']) {
      try {
        parseDockerConfig(text, '/home/x/config.json')
        throw new Error('was taken')
      } catch (error) {
        expect(isAppError(error, 'CONFIG_INVALID')).toBe(true)
        expect(String(error)).not.toContain('secret')
      }
    }
  })
})

describe('credential helpers', () => {
  const directory = temporaryDirectory('credential-helpers')
  const ask: AskHelper = (...of) => askHelperOn(directory.path, ...of)
  afterAll(() => directory.remove())
  const helper = (name: string, script: string) => {
    const path = join(directory.path, `docker-credential-${name}`)
    writeFileSync(path, `#!/bin/sh\n${script}\n`)
    chmodSync(path, 0o755)
  }

  test('are asked for the server by the protocol, the own one before the store', async () => {
    helper(
      'own',
      `cat > ${directory.path}/asked; echo "$1" >> ${directory.path}/asked; echo '{"ServerURL":"x","Username":"u","Secret":"s"}'`,
    )
    const config = { credHelpers: { 'r.example:443': 'own' }, credsStore: 'absent' }
    expect(await find(config, 'r.example:443', undefined, ask)).toEqual({ username: 'u', password: 's' })
    expect(readFileSync(join(directory.path, 'asked'), 'utf8')).toBe('r.example:443get\n')
    await expect(find(config, 'other.example', undefined, ask)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  test('that keep nothing leave it to the plain entries; one that fails is told, without what it printed in JSON', async () => {
    helper('none', 'echo "credentials not found in native keychain"; exit 1')
    const auths = { 'r.example': { auth: base64('ann:1') } }
    expect(await find({ credsStore: 'none', auths }, 'r.example', undefined, ask)).toEqual({
      username: 'ann',
      password: '1',
    })
    helper('bad', `echo '{"Secret":"hidden"}'; exit 3`)
    const failure = await ask('bad', 'r.example', {}).catch(String)
    expect(failure).toContain('status 3')
    expect(failure).not.toContain('hidden')
    await expect(ask('../evil', 'r.example', {})).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})
