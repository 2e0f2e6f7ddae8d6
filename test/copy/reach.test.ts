// How registries are reached: certificates, http, logins, what everybody may read; and a copy that is interrupted.
import { afterAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { plainEnvironment } from '../support/command.ts'
import { copyForReport, runCopyCommand } from '../support/copy.ts'
import { startDockerRegistry } from '../support/docker-registry.ts'
import { describeWithFixtures, fixturePath } from '../support/fixtures.ts'
import { kagamiProgram } from '../support/kagami.ts'
import { temporaryDirectory } from '../support/process.ts'
import { countingProxy } from '../support/proxy.ts'

const directory = temporaryDirectory('copy-reach')
afterAll(() => directory.remove())
const at = (...parts: string[]) => join(directory.path, ...parts)

describeWithFixtures('a registry', () => {
  const source = `oci:${fixturePath('helm-chart')}`

  test('with a certificate of its own wants its CA, with a login one that fits', async () => {
    const credentials = { username: 'writer', password: 'correct horse' }
    const registry = await startDockerRegistry({ tls: true, credentials })
    const target = `docker://${registry.host}/charts`
    const untrusted = await runCopyCommand([source, target, '--all-tags'])
    expect(untrusted).toMatchObject({ status: 1, stderr: expect.stringContaining('CA') })
    writeFileSync(at('password'), credentials.password)
    const login = ['--dst-username', 'writer', '--dst-password-file', at('password')]
    const ca = ['--dst-ca-file', registry.caFile ?? '']
    expect((await copyForReport([source, target, '--all-tags', ...login, ...ca])).outcome).toBe('done')
    const half = await runCopyCommand([source, target, '--all-tags', '--dst-username', 'writer'])
    expect(half).toMatchObject({ status: 2, stderr: expect.stringContaining('--dst-password-file') })
    await registry.stop()
  })

  test('that everybody may read is written to, unless --private-only refuses it', async () => {
    const registry = await startDockerRegistry()
    const target = `docker://${registry.host}/charts`
    expect((await copyForReport([source, target, '--all-tags'])).outcome).toBe('done')
    const refused = await runCopyCommand([source, target, '--all-tags', '--private-only'])
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('TARGET_PUBLIC') })
    await registry.stop()
  })

  test('that is slow is let go by Ctrl-C, and the same command goes on from there', async () => {
    const registry = await startDockerRegistry()
    await copyForReport([source, `docker://${registry.host}/charts`, '--all-tags'])
    const [reached, never] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let blobs = 0
    const proxy = await countingProxy(registry.url, {
      onRequest: ({ kind }) => {
        if (kind !== 'blob-get' || ++blobs < 6) return undefined
        reached.resolve()
        return { until: never.promise }
      },
    })
    const child = Bun.spawn([kagamiProgram, 'copy', `${proxy.host}/charts`, `tar:${at('charts.tar')}`, '--all-tags'], {
      env: { ...plainEnvironment(), HOME: directory.path },
      stdout: 'ignore',
      stderr: 'pipe',
    })
    await reached.promise
    child.kill('SIGINT')
    expect(await new Response(child.stderr).text()).toContain('interrupted')
    expect(await child.exited).toBe(130)
    never.resolve()
    const all = blobs
    const again = await copyForReport([`docker://${registry.host}/charts`, `tar:${at('charts.tar')}`, '--all-tags'])
    expect(again.outcome).toBe('done')
    expect(all).toBeGreaterThan(5)
    await proxy.stop()
    await registry.stop()
  })
})
