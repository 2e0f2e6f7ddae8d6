// The programs: a backup beside a running server, a restore that is killed, and a client that pulls from what was restored.
import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeWithClients, isolatedClients } from '../support/clients.ts'
import { runCommand, succeed } from '../support/command.ts'
import { kagamiProgram, startKagami } from '../support/kagami.ts'
import { temporaryDirectory } from '../support/process.ts'
import { pushLayout } from '../support/push-layout.ts'
import { imagesLayout } from './small-layout.ts'

setDefaultTimeout(120_000)

describeWithClients(['skopeo'], 'backup and restore', () => {
  test('of a server that serves; killed and gone on with; skopeo pulls from the restored one', async () => {
    const directory = temporaryDirectory('backup-e2e')
    const at = (...parts: string[]) => join(directory.path, ...parts)
    const clients = isolatedClients()
    const source = await startKagami()
    try {
      const layout = imagesLayout({ images: 15, layers: 4, layerBytes: 100_000 })
      await pushLayout(layout, source.url, 'acme/app', { credentials: source.owner })
      const run = (data: string, ...args: string[]) =>
        runCommand([kagamiProgram, ...args], { cwd: at(), env: { KAGAMI_DATA: data, HOME: at() } })
      const { stdout } = await succeed(run(source.dataDirectory, 'backup', at('b'), '--with-key', '--json'))
      expect(JSON.parse(stdout)).toMatchObject({ blobs: layout.blobs.size, newBlobs: layout.blobs.size })
      const unused = await run(source.dataDirectory, 'backup', at('c.tar'), '--keep', '2')
      expect([unused.exitCode, unused.stderr]).toEqual([
        2,
        expect.stringContaining('--keep and --verify are of folders'),
      ])
      await source.stop()

      const data = at('data')
      const marker = join(data, 'restoring.json')
      const restoring = Bun.spawn([kagamiProgram, 'restore', at('b')], {
        cwd: at(),
        env: { ...process.env, KAGAMI_DATA: data },
        stdout: 'ignore',
        stderr: 'ignore',
        detached: true,
      })
      while (!existsSync(marker) && restoring.exitCode === null) await Bun.sleep(1)
      process.kill(-restoring.pid, 'SIGKILL')
      await restoring.exited
      expect(JSON.parse(readFileSync(marker, 'utf8'))).toEqual({ set: readdirSync(at('b', 'sets'))[0] })
      expect(existsSync(join(data, 'kagami.sqlite'))).toBe(false)
      const dry = await succeed(run(data, 'restore', at('b'), '--dry-run', '--json'))
      expect(JSON.parse(dry.stdout)).toMatchObject({ blobs: layout.blobs.size, withKey: true })
      const serving = await run(data, 'serve')
      expect(serving.stderr).toContain('was not finished: run kagami restore again')
      const restored = await succeed(run(data, 'restore', at('b')))
      expect(restored.stdout).toContain(`${layout.blobs.size} blobs`)
      const again = await run(data, 'restore', at('b'))
      expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining('has data already')])

      const kagami = await startKagami({ dataDirectory: data })
      try {
        const { username, password } = kagami.owner
        const from = `docker://${kagami.host}/acme/app:image-3`
        const login = ['--src-tls-verify=false', '--src-creds', `${username}:${password}`]
        await succeed(clients.skopeo(['copy', ...login, from, `dir:${join(clients.directory, 'out')}`]))
        expect(readdirSync(join(clients.directory, 'out')).length).toBeGreaterThanOrEqual(6)
      } finally {
        await kagami.stop()
      }
    } finally {
      await source.stop()
      clients.remove()
      directory.remove()
    }
  })
})
