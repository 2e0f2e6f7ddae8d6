// Layouts that several write at once, on a disk that fills up, and by processes that are killed; and what other programs make of them.
import { afterAll, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeWithClients, isolatedClients, makeImageLayout } from '../support/clients.ts'
import { plainEnvironment } from '../support/command.ts'
import { compareLayoutFolder } from '../support/compare-layout.ts'
import { copyForReport, runCopyCommand } from '../support/copy.ts'
import { startDockerRegistry } from '../support/docker-registry.ts'
import { describeWithFixtures, fixtureLayout, fixturePath } from '../support/fixtures.ts'
import { kagamiProgram } from '../support/kagami.ts'
import { temporaryDirectory } from '../support/process.ts'
import { countingProxy } from '../support/proxy.ts'
import { mountSmallDisk } from '../support/small-disk.ts'

const directory = temporaryDirectory('layout-faults')
afterAll(() => directory.remove())
const at = (...parts: string[]) => join(directory.path, ...parts)

describeWithFixtures('a layout', () => {
  const layout = fixtureLayout('oras-tree')
  const source = fixturePath('oras-tree')

  test('that several write at once loses nobody’s tags', async () => {
    const tags = Array.from({ length: 12 }, (_, i) => `copy-${i}`)
    const [tag = '', digest = ''] = [...layout.tags][0] ?? []
    const copies = tags.map((to) => copyForReport([`oci:${source}:${tag}`, `oci:${at('shared')}:${to}`]))
    for (const report of await Promise.all(copies)) expect(report.outcome).toBe('done')
    const { manifests } = JSON.parse(readFileSync(at('shared', 'index.json'), 'utf8'))
    const named = manifests.flatMap((one: { digest: string; annotations?: Record<string, string> }) =>
      one.annotations === undefined ? [] : [[one.annotations['org.opencontainers.image.ref.name'], one.digest]],
    )
    expect(named).toEqual(tags.sort().map((one) => [one, digest]))
    expect(readdirSync(at('shared')).sort()).toEqual(['blobs', 'index.json', 'oci-layout'])
  })

  test('an archive that another process writes is left to it', async () => {
    const registry = await startDockerRegistry()
    const opened = Promise.withResolvers<void>()
    const proxy = await countingProxy(registry.url, {
      onRequest: ({ kind }) => (kind === 'blob-get' ? { until: opened.promise } : undefined),
    })
    await copyForReport([`oci:${source}`, `docker://${new URL(registry.url).host}/tree`, '--all-tags'])
    const slow = copyForReport([`docker://${proxy.host}/tree`, `tar:${at('busy.tar')}`, '--all-tags'])
    await proxy.seen(({ kind }) => kind === 'blob-get')
    const other = await runCopyCommand([`oci:${source}`, `tar:${at('busy.tar')}`, '--all-tags'])
    expect(other).toMatchObject({ status: 1, stderr: expect.stringContaining('another process is writing it') })
    opened.resolve()
    expect((await slow).outcome).toBe('done')
    expect(readdirSync(directory.path).filter((name) => name.startsWith('busy'))).toEqual(['busy.tar'])
    await proxy.stop()
    await registry.stop()
  })

  test('on a disk that fills up stays as it was', async () => {
    const disk = mountSmallDisk(16)
    if (disk === undefined) return
    try {
      const [tag = ''] = layout.tags.keys()
      for (const place of [`oci:${join(disk.path, 'layout')}`, `tar:${join(disk.path, 'layout.tar')}`]) {
        await copyForReport([`oci:${source}:${tag}`, place])
        disk.fill(64 * 1024)
        const full = await copyForReport([`oci:${fixturePath('dhi-python/release-1')}:3.13`, place], {
          status: 1,
        }).catch(() => runCopyCommand([`oci:${fixturePath('dhi-python/release-1')}:3.13`, place]))
        expect(JSON.stringify(full)).toContain('no room left')
        disk.empty()
        const read = await copyForReport([place, `oci:${at(`from-${place.slice(0, 3)}`)}`, '--all-tags'])
        expect(read.tags.map((one) => one.tag)).toEqual([tag])
      }
    } finally {
      disk.remove()
    }
  })

  test('whose writer is killed is the old one or the new one, and the next copy makes it whole', async () => {
    const registry = await startDockerRegistry()
    const host = new URL(registry.url).host
    const [layout, source, tag] = [fixtureLayout('cosign-tags'), fixturePath('cosign-tags'), 'tool-0.9']
    await copyForReport([`oci:${source}`, `docker://${host}/tree`, '--all-tags'])
    const places = { oci: at('killed'), tar: at('killed.tar') }
    for (const [kind, path] of Object.entries(places)) {
      await copyForReport([`oci:${source}:${tag}`, `${kind}:${path}`])
      const before = kind === 'tar' ? readFileSync(path) : readFileSync(join(path, 'index.json'))
      for (const point of [1, 4]) {
        let blobs = 0
        const [reached, never] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
        const proxy = await countingProxy(registry.url, {
          onRequest: ({ kind: of }) => {
            if (of !== 'blob-get' || ++blobs < point) return undefined
            reached.resolve()
            return { until: never.promise }
          },
        })
        const child = Bun.spawn([kagamiProgram, 'copy', `${proxy.host}/tree`, `${kind}:${path}`, '--all-tags'], {
          env: { ...plainEnvironment(), HOME: directory.path },
          stdout: 'ignore',
          stderr: 'ignore',
          detached: true,
        })
        await reached.promise
        process.kill(-child.pid, 'SIGKILL')
        await child.exited
        never.resolve()
        await proxy.stop()
        expect((kind === 'tar' ? readFileSync(path) : readFileSync(join(path, 'index.json'))).equals(before)).toBe(true)
        expect(
          (await copyForReport([`${kind}:${path}`, `oci:${at(`look-${kind}-${point}`)}`, '--all-tags'])).outcome,
        ).toBe('done')
      }
      await copyForReport([`docker://${host}/tree`, `${kind}:${path}`, '--all-tags'])
      const whole = kind === 'oci' ? path : at('killed-unpacked')
      if (kind === 'tar') await copyForReport([`tar:${path}`, `oci:${whole}`, '--all-tags'])
      expect(compareLayoutFolder(layout, whole)).toEqual([])
      expect(existsSync(`${path}.parts`)).toBe(false)
    }
    await registry.stop()
  })
})

describeWithClients(['skopeo', 'umoci'], 'other programs', () => {
  const clients = isolatedClients()
  afterAll(() => clients.remove())

  test('read our folders and archives, and we read theirs', async () => {
    const made = await makeImageLayout(clients, 'made')
    mkdirSync(at('theirs'))
    await clients.skopeo(['copy', `oci:${made}:v1`, `oci-archive:${at('theirs', 'skopeo.tar')}:given`])
    const inspect = async (place: string) => JSON.parse((await clients.skopeo(['inspect', '--raw', place])).stdout)
    const theirs = await copyForReport([`tar:${at('theirs', 'skopeo.tar')}`, `oci:${at('ours')}`])
    expect(theirs.tags).toMatchObject([{ tag: 'given', result: 'moved' }])
    expect(await inspect(`oci:${at('ours')}:given`)).toEqual(
      await inspect(`oci-archive:${at('theirs', 'skopeo.tar')}:given`),
    )
    await copyForReport([`oci:${made}`, `tar:${at('ours.tar')}`])
    await clients.skopeo(['copy', `oci-archive:${at('ours.tar')}`, `oci:${at('back')}:back`])
    await clients.umoci(['list', '--layout', at('ours')])
    await clients.umoci(['tag', '--image', `${at('ours')}:given`, 'by-umoci'])
    const again = await copyForReport([`oci:${at('ours')}`, `tar:${at('ours-2.tar')}`, '--all-tags'])
    expect(again.tags.map(({ tag }) => tag)).toEqual(['by-umoci', 'given'])
    expect(
      JSON.parse((await clients.skopeo(['inspect', `oci-archive:${at('ours-2.tar')}:by-umoci`])).stdout).Digest,
    ).toBe(again.tags[0]?.digest)
  })
})
